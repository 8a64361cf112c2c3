"""Reading a store with an older schema without changing it: a copy of it is migrated instead."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...journal.reading import JournalFolder
from ..sql import schema
from ..sql.base import Cursor
from .copies import copy_attached, log_of
from .migrations import upgrade
from .store import FolderStore


class _Copy(FolderStore):
    """A store whose database and journals are copies and whose artifacts stay in their original place."""

    def __init__(self, folder: Path, artifacts: Path) -> None:
        super().__init__(folder)
        self.artifacts = artifacts

    def _migrate(self, connection: Cursor, version: int) -> None:
        upgrade(connection, version)


def updated_copy(store: FolderStore, folder: Path) -> FolderStore | None:
    """Create a migrated copy of `store` in the new folder `folder`; return None if `store` has the current schema."""
    with store.as_it_is() as cursor:
        row = cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        if row is None or int(row[0]) >= schema.VERSION:
            return None
        # The temp folder may be readable by others; only the owner may read this one.
        folder.mkdir(mode=0o700)
        copy = _Copy(folder, store.artifacts)
        try:
            for file in (store.database, log_of(store.database)):
                if file.exists():
                    copy_attached(file, folder / file.name)
            copy.journals.folder.mkdir()
            for file in JournalFolder(store.journals.folder).files():
                shutil.copyfile(file, copy.journals.folder / file.name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return copy

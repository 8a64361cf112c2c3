"""A store of an older schema that is to be read and left as it is: a copy of it is brought up to date instead."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..sql import schema
from ..sql.base import Cursor
from .copies import copy_attached, log_of
from .migrations import upgrade
from .store import FolderStore


class _Copy(FolderStore):
    """The database and the journals are copies, the artifacts are where they were."""

    def __init__(self, folder: Path, artifacts: Path) -> None:
        super().__init__(folder)
        self.artifacts = artifacts

    def _migrate(self, connection: Cursor, version: int) -> None:
        upgrade(connection, version)


def updated_copy(store: FolderStore, folder: Path) -> FolderStore | None:
    """A store of this version's schema in the new folder `folder`, with what `store` holds; None where `store` itself
    is one."""
    with store.as_it_is() as cursor:
        row = cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        if row is None or int(row[0]) >= schema.VERSION:
            return None
        # In a temp folder that others can look into this one is the owner's.
        folder.mkdir(mode=0o700)
        copy = _Copy(folder, store.artifacts)
        try:
            for file in (store.database, log_of(store.database)):
                if file.exists():
                    copy_attached(file, folder / file.name)
            copy.journals.folder.mkdir()
            for file in store.journals.folder.glob("*.jsonl"):
                shutil.copyfile(file, copy.journals.folder / file.name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return copy

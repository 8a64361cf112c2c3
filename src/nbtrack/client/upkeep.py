"""The client's part that looks after the store itself: copies and repair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store.folder.repair import Report
    from ..store.folder.store import DuckDBStore as Store


class UpkeepMixin:
    """Operations on the store as a whole."""

    _store: Store

    def backup(self, target: str | os.PathLike[str], *, artifacts: bool = False, force: bool = False) -> Path:
        """Make one consistent copy of the database, while runs are being written; its path.

        With `artifacts`, `target` is a folder that is a store of its own. `force` overwrites a file, and of folders
        only an earlier backup. Raises NotFound where there is no store, AlreadyExists where `target` is there and
        `force` is not set.
        """
        from ..store.folder.backup import backup

        return backup(self._store, Path(target), artifacts=artifacts, force=force)

    def restore_backup(self, source: str | os.PathLike[str]) -> Path | None:
        """Put a backup in the place of the database; where the one that was there is kept.

        What the journals of running processes say beyond it is applied again, once.
        """
        from ..store.folder.backup import restore_backup

        return restore_backup(self._store, Path(source))

    def doctor(
        self, repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False
    ) -> Report:
        """Look the store over and say what is damaged; with `repair`, bring back all that can be read.

        What is replaced is kept beside it. `rescue` names files of lines that a process could not write into the
        store; those in the temp folder are found without. With `contents`, every artifact is read and compared with
        the digest that it was kept by.
        """
        from ..store.folder.repair import doctor

        return doctor(self._store, repair, [Path(path) for path in rescue], contents=contents)

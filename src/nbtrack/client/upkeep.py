"""The client's part that looks after the store itself, where its kind of store can: copies, repair, the bin."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.folder.repair.findings import Report as Report
    from ..store.folder.retention import Garbage as Garbage
    from ..store.folder.upkeep import Upkeep


class UpkeepMixin:
    """Operations on the store as a whole."""

    if TYPE_CHECKING:

        def capability(self, name: str) -> Any: ...

    def backup(self, target: str | os.PathLike[str], *, artifacts: bool = False, force: bool = False) -> Path:
        """Make one consistent copy of the database, while runs are being written; its path.

        With `artifacts`, `target` is a folder that is a store of its own. `force` overwrites a file, and of folders
        only an earlier backup. Raises NotFound where there is no store, AlreadyExists where `target` is there and
        `force` is not set.
        """
        upkeep: Upkeep = self.capability("backup")
        return upkeep.backup(Path(target), artifacts=artifacts, force=force)

    def restore_backup(self, source: str | os.PathLike[str]) -> Path | None:
        """Put a backup in the place of the database; where the one that was there is kept.

        What the journals of running processes say beyond it is applied again, once.
        """
        upkeep: Upkeep = self.capability("backup")
        return upkeep.restore(Path(source))

    def doctor(
        self, repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False
    ) -> Report:
        """Look the store over and say what is damaged; with `repair`, bring back all that can be read.

        What is replaced is kept beside it. `rescue` names files of lines that a process could not write into the
        store; those in the temp folder are found without. With `contents`, every artifact is read and compared with
        the digest that it was kept by.
        """
        upkeep: Upkeep = self.capability("doctor")
        return upkeep.doctor(repair, [Path(path) for path in rescue], contents=contents)

    def gc(
        self,
        older_than: str | None = None,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        with_versions: bool = False,
        dry_run: bool = True,
    ) -> Garbage:
        """What in the bin would go for good; with `dry_run=False` it goes: runs with all that was logged to them, their
        artifacts, and experiments that no run is left in.

        `older_than` is an age such as `30d`: what was deleted later stays. With ids only these go. Runs that versions
        of registered models came from stay, unless `with_versions` takes the versions along. Raises InvalidState for
        an id that is not in the bin.
        """
        upkeep: Upkeep = self.capability("gc")
        return upkeep.gc(
            older_than,
            run_ids=run_ids,
            experiment_ids=list(map(str, experiment_ids)),
            with_versions=with_versions,
            dry_run=dry_run,
        )

    def compact(self) -> tuple[int, int]:
        """Give the disk back what deleted rows have left free in the database file; its size in bytes before and after.

        Everybody else waits meanwhile: about a second for a hundred megabytes.
        """
        upkeep: Upkeep = self.capability("compact")
        return upkeep.compact()

"""The methods of the client for the store as a whole, if its kind of store supports them: backup, repair, gc."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..names import check_list, check_path, check_string

if TYPE_CHECKING:
    from ..store.folder.repair.findings import Report as Report
    from ..store.folder.retention import Garbage as Garbage
    from ..store.folder.upkeep import Upkeep


class UpkeepMixin:
    """Operations on the store as a whole: backup, repair and garbage collection."""

    if TYPE_CHECKING:

        def capability(self, name: str) -> Any: ...  # noqa: D102

    def backup(self, target: str | os.PathLike[str], *, artifacts: bool = False, force: bool = False) -> Path:
        """Write a consistent copy of the store's database, also while runs are being logged.

        Args:
            target: The file to write, or the folder if `artifacts` is True. It must be outside the store.
            artifacts: Whether to copy the artifacts too. The folder is then a complete store.
            force: Whether to overwrite an existing file, or a folder that contains an earlier backup and nothing else.

        Returns:
            The path of the copy.

        Raises:
            NotFound: If the store does not exist.
            AlreadyExists: If `target` exists and `force` is False.
            InvalidParameter: If `target` is inside the store, is a folder that contains more than a backup, or is a
                file instead of a folder or the other way round.
            StoreDamaged: If the database is damaged.
            StoreError: If the copy cannot be written.
        """
        upkeep: Upkeep = self.capability("backup")
        return upkeep.backup(Path(check_path(target, "target")), artifacts=artifacts, force=force)

    def restore_backup(self, source: str | os.PathLike[str]) -> Path | None:
        """Replace the database of the store with a backup. The replaced database is kept beside it.

        Data in the journals of running processes that is newer than the backup is applied again, once.

        Args:
            source: The file that `backup` wrote. Of a backup with artifacts, the file runs.duckdb in its folder.

        Returns:
            The path of the replaced database, or None if there was none.

        Raises:
            NotFound: If the file does not exist.
            StoreDamaged: If the file is damaged or not a database.
            InvalidParameter: If the file is not a backup of nbtrack.
            StoreNotWritable: If the database cannot be written.
        """
        upkeep: Upkeep = self.capability("backup")
        return upkeep.restore(Path(check_path(source, "source")))

    def doctor(
        self, repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False
    ) -> Report:
        """Check the store for damage, and repair it if asked to.

        Args:
            repair: Whether to repair what is damaged and to recover everything that can still be read. Replaced files
                are kept.
            rescue: Files with log lines that a process could not write to the store. Warnings name them. Those in the
                temp folder and in the home folder are found without this, if their process ran on this machine.
            contents: Whether to read every artifact and to compare it with its stored digest.

        Returns:
            A report. Its properties are `is_healthy`, `is_repaired` and `has_losses`, and `str(report)` lists the
            findings.

        Raises:
            NotFound: If the store or a file in `rescue` does not exist.
            InvalidParameter: If a file in `rescue` is not a rescue file.
        """
        upkeep: Upkeep = self.capability("doctor")
        paths = [Path(check_path(path, "A file in rescue")) for path in check_list(rescue, "rescue")]
        return upkeep.doctor(repair, paths, contents=contents)

    def gc(
        self,
        older_than: str | None = None,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        with_versions: bool = False,
        dry_run: bool = True,
    ) -> Garbage:
        """Remove deleted runs and experiments for good, or report what would be removed.

        A removed run takes its params, metrics, tags and artifacts with it. An experiment is removed if it is deleted
        and no run is left in it.

        Args:
            older_than: The least age of a deletion, such as "30d", "12h" or "1d12h30m". Defaults to all deleted runs
                and experiments.
            run_ids: Remove only these runs.
            experiment_ids: Remove only these experiments and their runs.
            with_versions: Whether to remove also runs that versions of registered models came from, together with these
                versions. Otherwise these runs are kept.
            dry_run: Whether to change nothing. This is the default.

        Returns:
            What was or would be removed, and what is kept and why.

        Raises:
            NotFound: If the store does not exist, or if one of the runs or experiments does not exist.
            InvalidState: If a run or an experiment in `run_ids` or `experiment_ids` is not deleted.
            InvalidParameter: If `older_than` is not an age.
            StoreNotWritable: If some artifacts could not be removed.
        """
        upkeep: Upkeep = self.capability("gc")
        return upkeep.gc(
            older_than,
            run_ids=[check_string(run_id, "run_id") for run_id in check_list(run_ids, "run_ids")],
            experiment_ids=list(map(str, check_list(experiment_ids, "experiment_ids"))),
            with_versions=with_versions,
            dry_run=dry_run,
        )

    def compact(self) -> tuple[int, int]:
        """Copy the database into a smaller file, without the space that deleted rows have left.

        Other processes wait meanwhile, about a second per hundred megabytes.

        Returns:
            The size of the database file in bytes, before and after.

        Raises:
            NotFound: If the store does not exist.
        """
        upkeep: Upkeep = self.capability("compact")
        return upkeep.compact()

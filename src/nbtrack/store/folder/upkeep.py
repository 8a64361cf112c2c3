"""What looks after the folder of a store: copies, repair, the bin. These are the folder's capabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import retention
from .backup import backup, restore_backup
from .compact import compact
from .repair.doctor import doctor
from .repair.findings import Report
from .retention import Garbage
from .store import FolderStore


class Upkeep:
    """The capabilities "backup", "compact", "doctor" and "gc"; `Client` has the documentation."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store

    def backup(self, target: Path, *, artifacts: bool, force: bool) -> Path:
        """Copy the database, with `artifacts` the whole store."""
        return backup(self._store, target, artifacts=artifacts, force=force)

    def restore(self, source: Path) -> Path | None:
        """Put a backup in the place of the database, and return where the one that was there is kept."""
        return restore_backup(self._store, source)

    def doctor(self, repair: bool, rescue: Sequence[Path], *, contents: bool) -> Report:
        """Look for damage, and repair it on demand."""
        return doctor(self._store, repair, rescue, contents=contents)

    def gc(
        self,
        older_than: str | None,
        *,
        run_ids: Sequence[str],
        experiment_ids: Sequence[str],
        with_versions: bool,
        dry_run: bool,
    ) -> Garbage:
        """Say what in the bin would go for good, and remove it unless `dry_run` is set."""
        wish = retention.Wish(
            0 if older_than is None else retention.milliseconds(older_than),
            tuple(run_ids),
            tuple(experiment_ids),
            with_versions,
        )
        found = retention.survey_bin(self._store, wish)
        return found if dry_run else retention.collect(self._store, wish, found)

    def compact(self) -> tuple[int, int]:
        """Copy the database into a smaller file; its size in bytes before and after."""
        return compact(self._store)

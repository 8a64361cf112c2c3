"""Upkeep of a store folder: backup, repair, removal of deleted runs and compaction."""

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
    """The capabilities "backup", "compact", "doctor" and "gc", which are documented in `Client`."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store

    def backup(self, target: Path, *, artifacts: bool, force: bool) -> Path:
        """Copy the database or, with `artifacts`, the whole store."""
        return backup(self._store, target, artifacts=artifacts, force=force)

    def restore(self, source: Path) -> Path | None:
        """Replace the database with a backup, and return where the replaced one is kept."""
        return restore_backup(self._store, source)

    def doctor(self, repair: bool, rescue: Sequence[Path], *, contents: bool) -> Report:
        """Check the store, and repair it if `repair` is set."""
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
        """Return which deleted runs would be removed, and remove them unless `dry_run` is set."""
        selection = retention.Selection(
            0 if older_than is None else retention.milliseconds(older_than),
            tuple(run_ids),
            tuple(experiment_ids),
            with_versions,
        )
        found = retention.preview(self._store, selection)
        return found if dry_run else retention.collect(self._store, selection, found)

    def compact(self) -> tuple[int, int]:
        """Copy the database into a smaller file, and return its size in bytes before and after."""
        return compact(self._store)

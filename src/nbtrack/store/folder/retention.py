"""Permanent removal of deleted runs and experiments, with everything that was logged to them.

The order of the steps makes a kill at any moment harmless. One transaction deletes the rows and notes the artifact
folders to remove in `meta`. Only then are the folders moved to `trash/` and their notes deleted. Then the trash is
emptied, and blobs that no run uses any more are deleted. If the process is killed, the next collection finishes the
work. A folder whose run exists (again) is never touched, whatever is noted.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifact_store.local import path_of_uri
from ...capture import user
from ...entities import LifecycleStage, RunStatus
from ...errors import InvalidParameter, InvalidState, NotFound, NotSupported, StoreNotWritable
from ...journal import now
from ...journal.reading import JournalFolder
from ...progress import progress
from ..protocol import DEFAULT_ID
from ..sql.base import Cursor
from .compact import compact

if TYPE_CHECKING:
    from .store import FolderStore

TRASH = "trash"
_NOTE = "gc"
"""The key in `meta` of an artifact folder that must be removed."""
_COMPACT_SHARE = 0.1
"""The share of the runs or of the points that must be removed for the database file to be compacted."""
_COMPACT_BYTES = 4_000_000
"""The size in bytes below which the database file is not compacted."""
_RUN_ID = re.compile("[0-9a-f]{32}")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_ROWS = ("params", "param_history", "tags", "latest_metrics", "inputs", "artifacts", "runs")
_THESE_RUNS = "IN (SELECT UNNEST(CAST($1 AS BIGINT[])))"


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A deleted run that is, or was, removed permanently."""

    run: int
    run_id: str
    run_name: str
    experiment_id: str
    points: int
    folder: Path | None
    """The folder of its artifacts, if it lies below the store or its experiment's artifact location; else None."""
    artifact_files: int = 0
    artifact_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is, or was, removed permanently, and which deleted runs stay and why.

    Attributes:
        runs: The runs that are removed.
        experiments: The ID and the name of each experiment that is removed.
        versions: The name and the number of each model version that is removed with its run.
        registered: The IDs of runs that stay because of model versions, with these versions as "name/number".
        running: The IDs of runs that stay because a process is writing to them.
        elsewhere: The artifact URIs of removed runs whose artifacts stay, because they lie neither below the store nor
            below an experiment's artifact location and may belong to others.
        orphans: Artifact folders that belong to no run, and their size in bytes. They are never touched.
        unfinished: The number of folders that an interrupted collection has left behind.
        freed_bytes: The bytes that removing the artifacts frees. Files that other runs share free nothing.
        unnamed: The number of blobs that no run uses any more, and their size in bytes. Such blobs remain if artifacts
            are removed by hand or if a writer is killed.
        database: The size of the database file in bytes before and after, if it was compacted.
    """

    runs: list[DeletedRun] = field(default_factory=list)
    experiments: list[tuple[str, str]] = field(default_factory=list)
    versions: list[tuple[str, int]] = field(default_factory=list)
    registered: dict[str, list[str]] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    orphans: list[tuple[Path, int]] = field(default_factory=list)
    unfinished: int = 0
    freed_bytes: int = 0
    unnamed: tuple[int, int] = (0, 0)
    database: tuple[int, int] | None = None

    @property
    def points(self) -> int:
        """The number of metric points of the removed runs."""
        return sum(run.points for run in self.runs)

    @property
    def artifact_files(self) -> int:
        """The number of artifact files of the removed runs."""
        return sum(run.artifact_files for run in self.runs)

    @property
    def artifact_bytes(self) -> int:
        """The total size in bytes of the removed runs' artifact files."""
        return sum(run.artifact_bytes for run in self.runs)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deleted runs and experiments to remove. Without IDs, all of them.

    Attributes:
        older_than: Only those that were deleted at least this many milliseconds ago.
        run_ids: Only these runs.
        experiment_ids: Only these experiments and their runs.
        with_versions: Also remove runs from which model versions were registered, together with these versions.
    """

    older_than: int = 0
    run_ids: tuple[str, ...] = ()
    experiment_ids: tuple[str, ...] = ()
    with_versions: bool = False


def milliseconds(age: object) -> int:
    """Convert an age such as "30d", "12h" or "1d2h30m" to milliseconds."""
    parts = re.findall(r"(\d+)([dhms])", age) if isinstance(age, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != str(age).strip():
        raise InvalidParameter(
            f"older_than must be an age in days (d), hours (h), minutes (m) and seconds (s), such as 30d, 12h or "
            f"1d12h, not {age!r:.40}."
        )
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def preview(store: FolderStore, selection: Selection) -> Garbage:
    """Return what `collect` would remove now. Nothing is changed. Raises NotFound if the store does not exist."""
    store.check_exists()
    with store.reading() as cursor:
        found = _find(store, cursor, selection)
        known = {run_id for (run_id,) in cursor.execute("SELECT run_id FROM runs").fetchall()}
        noted = {store.locate(uri) for uri in _notes(cursor)}
    orphans = [folder for folder in _run_folders(store) if folder.name not in known and str(folder) not in noted]
    runs, sized = [], []
    inodes: dict[tuple[int, int], _Inode] = {}
    with progress("Measuring artifacts", len(found.runs) + len(orphans), "folders") as bar:
        for run in found.runs:
            files, size = _size(run.folder, inodes) if run.folder else (0, 0)
            runs.append(replace(run, artifact_files=files, artifact_bytes=size))
            bar.advance()
        for folder in orphans:
            sized.append((folder, _size(folder)[1]))
            bar.advance()
    return replace(
        found,
        runs=runs,
        orphans=sized,
        unfinished=len(noted) + len(_trash(store)),
        freed_bytes=sum(inode.freed for inode in inodes.values()),
        unnamed=store.blobs.unnamed(),
    )


def collect(store: FolderStore, selection: Selection, measured: Garbage) -> Garbage:
    """Remove the selected runs and experiments permanently and return what was removed.

    The sizes of artifacts are taken from `measured`, the result of `preview`.
    """
    with store.writing() as cursor:
        runs, points = _totals(cursor)
        # Search again in this transaction, because a run may have been restored meanwhile.
        found = _find(store, cursor, selection)
        for name, version in found.versions:
            store.delete_model_version(name, version, user_id=user())
        _remove_rows(cursor, [run.run for run in found.runs])
        for run in found.runs:
            if run.folder is not None:
                cursor.execute("INSERT INTO meta VALUES ($1, $2)", [_NOTE, store.relative(str(run.folder))])
        store.remove_experiments([experiment_id for experiment_id, _ in found.experiments])
    for run in found.runs:
        store.forget_recorder(run.run_id)
    failed = _take_folders(store)
    with progress("Removing artifacts", len(_trash(store)), "folders") as bar:
        for folder in _trash(store):
            failed += _remove(folder)
            bar.advance()
    store.blobs.sweep()
    for experiment_id, _ in found.experiments:
        # The folder is only removed if it is empty.
        with suppress(OSError):
            (store.artifacts / experiment_id).rmdir()
    if failed:
        raise StoreNotWritable(
            f"The runs were removed, but some of their artifact folders ({len(failed):,}) could not be removed: "
            f"{failed[0]} Grant write permission and run gc again."
        )
    sizes = {run.run_id: run for run in measured.runs}
    share = max(len(found.runs) / max(runs, 1), found.points / max(points, 1))
    database = compact(store) if share >= _COMPACT_SHARE and store.database.stat().st_size > _COMPACT_BYTES else None
    return replace(
        found,
        runs=[sizes.get(run.run_id, run) for run in found.runs],
        orphans=measured.orphans,
        unfinished=measured.unfinished,
        freed_bytes=measured.freed_bytes,
        unnamed=measured.unnamed,
        database=database,
    )


def _totals(cursor: Cursor) -> tuple[int, int]:
    """Return the number of all runs and of all points."""
    row = cursor.execute(
        "SELECT (SELECT COUNT(*) FROM runs), (SELECT COALESCE(SUM(points), 0) FROM latest_metrics)"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _find(store: FolderStore, cursor: Cursor, selection: Selection) -> Garbage:
    before = now() - selection.older_than
    rows = cursor.execute(
        "SELECT r.run, r.run_id, r.name, r.experiment_id, r.artifact_uri, r.status, r.writer, "
        "COALESCE((SELECT SUM(l.points) FROM latest_metrics AS l WHERE l.run = r.run), 0) "
        "FROM runs AS r WHERE r.lifecycle_stage = $1 AND COALESCE(r.deleted_time, 0) <= $2 ORDER BY r.run",
        [LifecycleStage.DELETED, before],
    ).fetchall()
    if selection.run_ids or selection.experiment_ids:
        _check_ids(cursor, selection)
        rows = [row for row in rows if row[1] in selection.run_ids or str(row[3]) in selection.experiment_ids]
    versions = _versions_by_run(cursor)
    alive = JournalFolder(store.folder / "journal").writers()
    roots = _artifact_roots(store, cursor)
    found = Garbage()
    for run, run_id, name, experiment_id, uri, status, writer, points in rows:
        if status == RunStatus.RUNNING and writer in alive:
            found.running.append(run_id)
        elif run_id in versions and not selection.with_versions:
            found.registered[run_id] = [f"{model}/{version}" for model, version in versions[run_id]]
        else:
            found.versions.extend(versions.get(run_id, ()))
            folder = _own_folder(store, run_id, uri, roots)
            if folder is None:
                found.elsewhere.append(uri)
            found.runs.append(DeletedRun(run, run_id, name, str(experiment_id), int(points), folder))
    if not selection.run_ids or selection.experiment_ids:
        found.experiments.extend(_empty_experiments(cursor, found.runs, before, selection))
    return found


def _check_ids(cursor: Cursor, selection: Selection) -> None:
    for what, table, column, ids in (
        ("run", "runs", "run_id", selection.run_ids),
        ("experiment", "experiments", "CAST(experiment_id AS VARCHAR)", selection.experiment_ids),
    ):
        for wanted in ids:
            row = cursor.execute(f"SELECT lifecycle_stage FROM {table} WHERE {column} = $1", [wanted]).fetchone()
            if row is None:
                raise NotFound(f"{what.capitalize()} {wanted!r:.80} does not exist in this store.")
            if row[0] != LifecycleStage.DELETED:
                raise InvalidState(
                    f"{what.capitalize()} {wanted!r:.80} is not deleted, and gc removes only deleted {what}s. Delete "
                    f"it with delete_{what}() first."
                )


def _versions_by_run(cursor: Cursor) -> dict[str, list[tuple[str, int]]]:
    """Return the model versions of each run that they came from, by their `run_id` or by an ID in their source URI."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, version, run_id, source in cursor.execute(
        "SELECT name, version, run_id, source FROM model_versions ORDER BY name, version"
    ).fetchall():
        for named in {run_id, *_RUN_ID.findall(source)} - {""}:
            found.setdefault(named, []).append((name, int(version)))
    return found


def _artifact_roots(store: FolderStore, cursor: Cursor) -> list[Path]:
    """Return the local folders below which runs of this store keep their artifacts."""
    roots = [store.artifacts]
    for (location,) in cursor.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall():
        with suppress(NotSupported):
            roots.append(path_of_uri(store.locate(location)))
    return roots


def _own_folder(store: FolderStore, run_id: str, uri: str, roots: Sequence[Path]) -> Path | None:
    """Return the folder `…/<run id>` with a run's artifacts; None if it may belong to others."""
    try:
        artifacts = path_of_uri(store.locate(uri))
    except NotSupported:
        return None
    folder = artifacts.parent
    is_own = (folder.name, artifacts.name) == (run_id, "artifacts") and ".." not in folder.parts
    return folder if is_own and any(folder.is_relative_to(root) for root in roots) else None


def _empty_experiments(
    cursor: Cursor, removed: Sequence[DeletedRun], before: int, selection: Selection
) -> Iterator[tuple[str, str]]:
    """Yield the deleted experiments that have no run left once these are removed. The default experiment is kept."""
    rows = cursor.execute(
        "SELECT e.experiment_id, e.name, (SELECT COUNT(*) FROM runs AS r WHERE r.experiment_id = e.experiment_id) "
        "FROM experiments AS e WHERE e.lifecycle_stage = $1 AND e.last_update_time <= $2 AND e.experiment_id <> $3 "
        "ORDER BY e.experiment_id",
        [LifecycleStage.DELETED, before, int(DEFAULT_ID)],
    ).fetchall()
    counts: dict[str, int] = {}
    for run in removed:
        counts[run.experiment_id] = counts.get(run.experiment_id, 0) + 1
    for number, name, runs in rows:
        experiment_id = str(number)
        if selection.experiment_ids and experiment_id not in selection.experiment_ids:
            continue
        if counts.get(experiment_id, 0) == runs:
            yield experiment_id, name


def _remove_rows(cursor: Cursor, runs: list[int]) -> None:
    if not runs:
        return
    cursor.execute(
        f"DELETE FROM metrics WHERE series IN (SELECT series FROM latest_metrics WHERE run {_THESE_RUNS})", [runs]
    )
    for table in _ROWS:
        cursor.execute(f"DELETE FROM {table} WHERE run {_THESE_RUNS}", [runs])


def _notes(cursor: Cursor) -> list[str]:
    rows = cursor.execute("SELECT value FROM meta WHERE key = $1 ORDER BY value", [_NOTE]).fetchall()
    return [uri for (uri,) in rows]


def _take_folders(store: FolderStore) -> list[str]:
    """Move each noted folder into the trash, unless its run exists again because it was merged in.

    Returns an error message for each folder that could not be moved. Those folders stay noted.
    """
    failed = []
    with store.writing() as cursor:
        for uri in _notes(cursor):
            folder = Path(store.locate(uri))
            if not cursor.execute("SELECT 1 FROM runs WHERE run_id = $1", [folder.name]).fetchall():
                wrong = _take_folder(folder, store.folder / TRASH)
                if wrong:
                    failed += wrong
                    continue
            cursor.execute("DELETE FROM meta WHERE key = $1 AND value = $2", [_NOTE, uri])
    return failed


def _take_folder(folder: Path, trash: Path) -> list[str]:
    if not folder.is_dir():
        return []
    try:
        trash.mkdir(exist_ok=True)
        os.rename(folder, trash / f"{folder.name}-{uuid.uuid4().hex}")
    except OSError:
        # The folder is on another disk than the store, or it cannot be moved at all, and then this fails too.
        return _remove(folder)
    return []


def _remove(folder: Path) -> list[str]:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        return [f"{error.filename or folder}: {error.strerror}."]
    return []


def _trash(store: FolderStore) -> list[Path]:
    trash = store.folder / TRASH
    return sorted(trash.iterdir()) if trash.is_dir() else []


def _run_folders(store: FolderStore) -> list[Path]:
    """Return the run folders below the store's own artifacts."""
    return sorted(
        folder for folder in store.artifacts.glob("*/*") if folder.is_dir() and _RUN_ID.fullmatch(folder.name)
    )


@dataclass(slots=True)
class _Inode:
    """A file of removed runs, which can have several names."""

    size: int
    links: int
    names: int = 0
    """How many of its names are removed."""

    @property
    def freed(self) -> int:
        """The bytes that removing the names frees."""
        # If the file is large enough to be shared, one of its names is that of the blob.
        return self.size if self.names >= self.links - 1 else 0


def _size(folder: Path, inodes: dict[tuple[int, int], _Inode] | None = None) -> tuple[int, int]:
    """Return the number of files in a folder and their size in bytes, and add each file to `inodes`.

    Links are not followed.
    """
    files = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(where, name))
            files += 1
            size += found.st_size
            if inodes is not None:
                inodes.setdefault((found.st_dev, found.st_ino), _Inode(found.st_size, found.st_nlink)).names += 1
    return files, size

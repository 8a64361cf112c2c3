"""Emptying the bin: deleted runs and experiments go for good, with all that was logged to them.

The order makes a kill at any moment harmless. One transaction removes the rows and notes the artifact folders that are
to go in `meta`; only then are the folders moved into `trash/`, and the notes with them; then the trash is emptied, and
with it the blobs that are no run's file any more. What a kill left is done by the next collection. A folder whose run
is there (again) is never touched, whatever is noted.
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
from ...progress import progress
from ..protocol import DEFAULT_ID
from ..sql.base import Cursor
from .compact import compact

if TYPE_CHECKING:
    from .store import FolderStore

TRASH = "trash"
_NOTE = "gc"
"""The key in `meta` of an artifact folder that is to go."""
_PAYS = 0.1
"""The share of the runs or of the points that must go for the database file to be written anew, …"""
_SMALL = 4_000_000
"""… and the bytes that it must have."""
_RUN_ID = re.compile("[0-9a-f]{32}")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_ROWS = ("params", "param_history", "tags", "latest_metrics", "inputs", "artifacts", "runs")
_DOOMED = "IN (SELECT UNNEST(CAST($1 AS BIGINT[])))"


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A run in the bin."""

    run: int
    run_id: str
    run_name: str
    experiment_id: str
    points: int
    folder: Path | None
    """Where its artifacts are, if they are its own to take away: below the store or its experiment's location."""
    artifact_files: int = 0
    artifact_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """What goes, or went, for good, and what in the bin stays and why."""

    runs: list[DeletedRun] = field(default_factory=list)
    experiments: list[tuple[str, str]] = field(default_factory=list)
    """Id and name."""
    versions: list[tuple[str, int]] = field(default_factory=list)
    """Versions of registered models that go with their runs."""
    registered: dict[str, list[str]] = field(default_factory=dict)
    """Runs that stay because of these versions of registered models."""
    running: list[str] = field(default_factory=list)
    """Runs that stay because a process is writing them."""
    elsewhere: list[str] = field(default_factory=list)
    """Where runs that go have artifacts that are left, for they may be somebody else's: not below the store, nor below
    the artifact location of an experiment."""
    orphans: list[tuple[Path, int]] = field(default_factory=list)
    """Folders of artifacts, with their bytes, that belong to no run. They are never touched."""
    unfinished: int = 0
    """Folders that an earlier collection was to remove when it was interrupted."""
    freed_bytes: int = 0
    """Bytes that the artifacts give back: less than they have where other runs have the same files."""
    unnamed: tuple[int, int] = (0, 0)
    """How many blobs are no run's file any more, and their bytes: runs were removed by hand, or writers were killed."""

    database: tuple[int, int] | None = None
    """Bytes of the database file before and after, where it paid to write it anew."""

    @property
    def points(self) -> int:
        return sum(run.points for run in self.runs)

    @property
    def artifact_files(self) -> int:
        return sum(run.artifact_files for run in self.runs)

    @property
    def artifact_bytes(self) -> int:
        return sum(run.artifact_bytes for run in self.runs)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which part of the bin. Without ids: all of it."""

    older_than: int = 0
    """Milliseconds that it has lain there, at least."""
    run_ids: tuple[str, ...] = ()
    experiment_ids: tuple[str, ...] = ()
    with_versions: bool = False
    """Also the runs that versions of registered models came from, and these versions."""


def milliseconds(age: str) -> int:
    """`30d`, `12h` or `1d2h30m` in milliseconds."""
    parts = re.findall(r"(\d+)([dhms])", age)
    if not parts or "".join(number + unit for number, unit in parts) != age.strip():
        raise InvalidParameter(f"{age!r:.40} is no age. Write it in days, hours, minutes and seconds: 30d, 12h, 1d12h.")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def survey_bin(store: FolderStore, wish: Wish) -> Garbage:
    """What `collect` would remove now. Nothing is changed. Raises NotFound where there is no store."""
    store.check_exists()
    with store.reading() as cursor:
        found = _find(store, cursor, wish)
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


def collect(store: FolderStore, wish: Wish, measured: Garbage) -> Garbage:
    """Remove for good what the wish names; what went. The sizes of artifacts are those that were `measured` before."""
    with store.writing() as cursor:
        runs, points = _totals(cursor)
        # Looked for anew, in this transaction: somebody may have taken a run out of the bin meanwhile.
        found = _find(store, cursor, wish)
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
        # Where nothing is left in it.
        with suppress(OSError):
            (store.artifacts / experiment_id).rmdir()
    if failed:
        raise StoreNotWritable(
            f"The runs are gone, but {len(failed)} of their artifact folders could not be removed: {failed[0]} Grant "
            "the permission and collect again."
        )
    sizes = {run.run_id: run for run in measured.runs}
    share = max(len(found.runs) / max(runs, 1), found.points / max(points, 1))
    database = compact(store) if share >= _PAYS and store.database.stat().st_size > _SMALL else None
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
    """How many runs and points there are."""
    row = cursor.execute(
        "SELECT (SELECT COUNT(*) FROM runs), (SELECT COALESCE(SUM(points), 0) FROM latest_metrics)"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _find(store: FolderStore, cursor: Cursor, wish: Wish) -> Garbage:
    before = now() - wish.older_than
    rows = cursor.execute(
        "SELECT r.run, r.run_id, r.name, r.experiment_id, r.artifact_uri, r.status, r.writer, "
        "COALESCE((SELECT SUM(l.points) FROM latest_metrics AS l WHERE l.run = r.run), 0) "
        "FROM runs AS r WHERE r.lifecycle_stage = $1 AND COALESCE(r.deleted_time, 0) <= $2 ORDER BY r.run",
        [LifecycleStage.DELETED, before],
    ).fetchall()
    if wish.run_ids or wish.experiment_ids:
        _check_ids(cursor, wish)
        rows = [row for row in rows if row[1] in wish.run_ids or str(row[3]) in wish.experiment_ids]
    versions = _versions_by_run(cursor)
    alive = {path.name.partition("-")[0] for path in (store.folder / "journal").glob("*.jsonl")}
    homes = _homes(store, cursor)
    found = Garbage()
    for run, run_id, name, experiment_id, uri, status, writer, points in rows:
        if status == RunStatus.RUNNING and writer in alive:
            found.running.append(run_id)
        elif run_id in versions and not wish.with_versions:
            found.registered[run_id] = [f"{model}/{version}" for model, version in versions[run_id]]
        else:
            found.versions.extend(versions.get(run_id, ()))
            folder = _own_folder(store, run_id, uri, homes)
            if folder is None:
                found.elsewhere.append(uri)
            found.runs.append(DeletedRun(run, run_id, name, str(experiment_id), int(points), folder))
    if not wish.run_ids or wish.experiment_ids:
        found.experiments.extend(_empty_experiments(cursor, found.runs, before, wish))
    return found


def _check_ids(cursor: Cursor, wish: Wish) -> None:
    for what, table, column, ids in (
        ("run", "runs", "run_id", wish.run_ids),
        ("experiment", "experiments", "CAST(experiment_id AS VARCHAR)", wish.experiment_ids),
    ):
        for wanted in ids:
            row = cursor.execute(f"SELECT lifecycle_stage FROM {table} WHERE {column} = $1", [wanted]).fetchone()
            if row is None:
                raise NotFound(f"There is no {what} with the id {wanted!r:.80} in this store.")
            if row[0] != LifecycleStage.DELETED:
                raise InvalidState(
                    f"The {what} {wanted} is not deleted, and only what is in the bin goes. Delete it with "
                    f"delete_{what} first."
                )


def _versions_by_run(cursor: Cursor) -> dict[str, list[tuple[str, int]]]:
    """The versions of registered models by the runs that they came from: as noted, or in their source's text."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, version, run_id, source in cursor.execute(
        "SELECT name, version, run_id, source FROM model_versions ORDER BY name, version"
    ).fetchall():
        for named in {run_id, *_RUN_ID.findall(source)} - {""}:
            found.setdefault(named, []).append((name, int(version)))
    return found


def _homes(store: FolderStore, cursor: Cursor) -> list[Path]:
    """The local folders below which runs of this store keep their artifacts."""
    homes = [store.artifacts]
    for (location,) in cursor.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall():
        with suppress(NotSupported):
            homes.append(path_of_uri(store.locate(location)))
    return homes


def _own_folder(store: FolderStore, run_id: str, uri: str, homes: Sequence[Path]) -> Path | None:
    """The folder `…/<run id>` with a run's artifacts; None for one that may be somebody else's."""
    try:
        artifacts = path_of_uri(store.locate(uri))
    except NotSupported:
        return None
    folder = artifacts.parent
    is_own = (folder.name, artifacts.name) == (run_id, "artifacts") and ".." not in folder.parts
    return folder if is_own and any(folder.is_relative_to(home) for home in homes) else None


def _empty_experiments(
    cursor: Cursor, going: Sequence[DeletedRun], before: int, wish: Wish
) -> Iterator[tuple[str, str]]:
    """Deleted experiments that no run is left in when these are gone. The default one has to be there always."""
    rows = cursor.execute(
        "SELECT e.experiment_id, e.name, (SELECT COUNT(*) FROM runs AS r WHERE r.experiment_id = e.experiment_id) "
        "FROM experiments AS e WHERE e.lifecycle_stage = $1 AND e.last_update_time <= $2 AND e.experiment_id <> $3 "
        "ORDER BY e.experiment_id",
        [LifecycleStage.DELETED, before, int(DEFAULT_ID)],
    ).fetchall()
    leaving: dict[str, int] = {}
    for run in going:
        leaving[run.experiment_id] = leaving.get(run.experiment_id, 0) + 1
    for number, name, runs in rows:
        experiment_id = str(number)
        if wish.experiment_ids and experiment_id not in wish.experiment_ids:
            continue
        if leaving.get(experiment_id, 0) == runs:
            yield experiment_id, name


def _remove_rows(cursor: Cursor, runs: list[int]) -> None:
    if not runs:
        return
    cursor.execute(
        f"DELETE FROM metrics WHERE series IN (SELECT series FROM latest_metrics WHERE run {_DOOMED})", [runs]
    )
    for table in _ROWS:
        cursor.execute(f"DELETE FROM {table} WHERE run {_DOOMED}", [runs])


def _notes(cursor: Cursor) -> list[str]:
    rows = cursor.execute("SELECT value FROM meta WHERE key = $1 ORDER BY value", [_NOTE]).fetchall()
    return [uri for (uri,) in rows]


def _take_folders(store: FolderStore) -> list[str]:
    """Move each folder that is noted into the trash, unless its run is there again (somebody has merged it in).

    Returns what went wrong; those folders stay noted.
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
        # On another disk than the store; or it cannot be moved at all, which this finds out.
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
    """The folders of runs below the store's own artifacts."""
    return sorted(
        folder for folder in store.artifacts.glob("*/*") if folder.is_dir() and _RUN_ID.fullmatch(folder.name)
    )


@dataclass(slots=True)
class _Inode:
    """A file of runs that go, however many names it has."""

    size: int
    links: int
    names: int = 0
    """Those of its names that go."""

    @property
    def freed(self) -> int:
        # One name is the blob's, of a file that is big enough to have one.
        return self.size if self.names >= self.links - 1 else 0


def _size(folder: Path, inodes: dict[tuple[int, int], _Inode] | None = None) -> tuple[int, int]:
    """How many files are in a folder, and their bytes; links are not followed. `inodes` is told of each file."""
    files = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(where, name))
            files += 1
            size += found.st_size
            if inodes is not None:
                inodes.setdefault((found.st_dev, found.st_ino), _Inode(found.st_size, found.st_nlink)).names += 1
    return files, size

"""Reads what the store already has of the runs that are about to be imported, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .points import Present
from .records import Logged

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore as Store

_AT_ONCE = 500_000
"""The most points read at once. The series of a longer run are read one by one."""


@dataclass(slots=True)
class StoredRun:
    """A run as the store has it."""

    run: int
    experiment_id: int
    name: str
    status: str
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str
    params: dict[str, tuple[str, int]] = field(default_factory=dict)
    history: set[tuple[str, str, int]] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: set[tuple[str, str, str | None]] = field(default_factory=set)
    artifacts: dict[str, Logged] = field(default_factory=dict)
    series: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The number and the point count of each metric's series."""

    @property
    def recency(self) -> tuple[bool, int]:
        return (self.end_time is not None, self.end_time or 0)


def read_stored_runs(store: Store, run_ids: Sequence[str]) -> dict[str, StoredRun]:
    """Return the runs with these IDs that the store has, without their points."""
    ids = "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = r.run_id"
    with store.reading() as cursor:
        rows = cursor.execute(
            "SELECT r.run_id, r.run, r.experiment_id, r.name, r.status, r.end_time, r.lifecycle_stage, r.artifact_uri "
            f"FROM runs AS r {ids}",
            [list(run_ids)],
        ).fetchall()
        here = {run_id: StoredRun(*fields) for run_id, *fields in rows}
        runs = {one.run: one for one in here.values()}
        if not runs:
            return {}
        # The numbers are written into the SQL, so that the database can skip blocks of the tables.
        listed = ", ".join(map(str, sorted(runs)))

        def of_runs(table: str, columns: str) -> list[tuple[Any, ...]]:
            return cursor.execute(f"SELECT run, {columns} FROM {table} WHERE run IN ({listed})").fetchall()

        for run, key, value, timestamp in of_runs("params", "key, value, timestamp"):
            runs[run].params[key] = (value, timestamp)
        for run, *param in of_runs("param_history", "key, value, timestamp"):
            runs[run].history.add((param[0], param[1], param[2]))
        for run, key, value in of_runs("tags", "key, value"):
            runs[run].tags[key] = value
        for run, *dataset in of_runs("inputs", "name, digest, context"):
            runs[run].inputs.add((dataset[0], dataset[1], dataset[2]))
        for run, path, size, timestamp in of_runs("artifacts", "path, size, timestamp"):
            runs[run].artifacts[path] = Logged(size, timestamp)
        for run, key, series, points in of_runs("latest_metrics", "key, series, points"):
            runs[run].series[key] = (series, points)
    return here


class PresentPoints:
    """The points that the store already has of these runs."""

    def __init__(self, store: Store, here: Iterable[StoredRun]) -> None:
        self._store = store
        self._read: dict[int, Present] = {}
        series = [known for one in here for known in one.series.values()]
        if sum(points for _, points in series) <= _AT_ONCE:
            self._load([number for number, _ in series])

    def of(self, here: StoredRun, key: str) -> Present | None:
        """Return the points of a metric, or None if the run does not have this metric."""
        if key not in here.series:
            return None
        number = here.series[key][0]
        if number not in self._read:
            self._read.clear()
            # Read all metrics of the run at once if they are not too large.
            whole = sum(points for _, points in here.series.values()) <= _AT_ONCE
            self._load([known for known, _ in here.series.values()] if whole else [number])
        return self._read[number]

    def _load(self, numbers: list[int]) -> None:
        import numpy as np

        if not numbers:
            return
        listed = ", ".join(map(str, numbers))
        with self._store.reading() as cursor:
            cursor.execute(
                f"SELECT series, step, timestamp, value FROM metrics WHERE series IN ({listed}) ORDER BY series"
            )
            columns = cursor.fetchnumpy()
        for number in numbers:
            part = slice(*np.searchsorted(columns["series"], [number, number + 1]).tolist())
            self._read[number] = Present(columns["step"][part], columns["timestamp"][part], columns["value"][part])

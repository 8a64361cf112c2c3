"""Points of many series as columns, whole or thinned out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...entities import ViewType
from .base import Axis, Tables
from .columns import as_times
from .metrics import JOIN_IDS
from .runs import matching, no_such_run

if TYPE_CHECKING:
    from .base import Columns

_SERIES = """
    SELECT l.series, r.run_id, r.name, r.start_time, l.key, l.points FROM latest_metrics AS l
    JOIN UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY AS found(run, n) ON found.run = l.run
    JOIN runs AS r ON r.run = l.run {wanted} ORDER BY found.n, {place}
"""
_WANTED = "JOIN UNNEST(CAST($2 AS VARCHAR[])) WITH ORDINALITY AS wanted(key, n) ON wanted.key = l.key"


class PointTables(Tables):
    """The points behind curves, with their steps and times. Runs go by their numbers here."""

    def find_runs(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[int]:
        """The active runs that match, newest first."""
        found, joins, order, parameters = matching(experiment_ids, filter_string, ViewType.ACTIVE_ONLY, ())
        with self.reading() as cursor:
            sql = f"SELECT r.run FROM runs AS r {joins} WHERE {found} ORDER BY {order}"
            return [run for (run,) in cursor.execute(sql, parameters).fetchall()]

    def runs_numbered(self, run_ids: Sequence[str]) -> list[int]:
        """The runs with these ids, deleted ones too. Raises NotFound."""
        with self.reading() as cursor:
            sql = f"SELECT r.run_id, r.run FROM runs AS r {JOIN_IDS}"
            numbers = dict(cursor.execute(sql, [list(run_ids)]).fetchall())
        for run_id in run_ids:
            if run_id not in numbers:
                raise no_such_run(run_id)
        return [numbers[run_id] for run_id in run_ids]

    def points(
        self, runs: Sequence[int], keys: Sequence[str] | None, max_points: int | None = None, axis: Axis = "step"
    ) -> Columns:
        """The points of these runs and keys (None: all): run_id, run_name, key, step, timestamp, value, and with the
        axis "relative" seconds (since the run's start). In the order of `runs`, `keys`, and then of the axis.

        How a series of more than `max_points` is thinned out, `read_series` says.
        """
        import numpy as np

        along, across = ("step", "timestamp") if axis == "step" else ("timestamp", "step")
        with self.reading() as cursor:
            if keys is None:
                series = _SERIES.format(wanted="", place='l.key COLLATE "C"')
                found = cursor.execute(series, [list(runs)]).fetchnumpy()
            else:
                series = _SERIES.format(wanted=_WANTED, place="wanted.n")
                found = cursor.execute(series, [list(runs), list(keys)]).fetchnumpy()
            if max_points is not None and not (found["points"] > max_points).any():
                max_points = None
            points = self.read_series(cursor, found["series"].tolist(), axis, max_points)
        by_series = np.argsort(found["series"])
        places = by_series[np.searchsorted(found["series"], points["series"], sorter=by_series)]
        order = np.lexsort((points[across], points[along], places))
        places, timestamps = places[order], points["timestamp"][order]
        columns: Columns = {
            "run_id": found["run_id"][places],
            "run_name": found["name"][places],
            "key": found["key"][places],
            "step": points["step"][order],
            "timestamp": as_times(timestamps),
            "value": points["value"][order],
        }
        if axis == "relative":
            columns["seconds"] = (timestamps - found["start_time"][places]) / 1000
        return columns

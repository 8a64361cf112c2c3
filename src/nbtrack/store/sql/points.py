"""Points of many series as columns: all of them, thinned out, or summarized on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..protocol import Axis, Grid, Points, Series
from .base import Tables
from .grid import WantedSeries, grid_of, joined_of
from .joined import read_joined
from .runs import JOIN_IDS, check_known

_SERIES = """
    SELECT l.series, r.run_id, r.name, r.start_time, l.key, l.points FROM latest_metrics AS l
    JOIN UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY AS found(run, n) ON found.run = l.run
    JOIN runs AS r ON r.run = l.run {wanted} ORDER BY found.n, {place}
"""
_GRID_SERIES = """
    SELECT l.series, r.start_time, r.run_id, r.name, l.key, l.points, l.timestamp, l.value,
           l.first_step, l.step, l.first_timestamp,
           CASE WHEN l.numbers = l.points AND l.min_value > '-Infinity' AND l.max_value < 'Infinity' THEN 1 ELSE 0 END
    FROM latest_metrics AS l
    JOIN UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY AS found(run, n) ON found.run = l.run
    JOIN UNNEST(CAST($2 AS VARCHAR[])) WITH ORDINALITY AS wanted(key, n) ON wanted.key = l.key
    JOIN runs AS r ON r.run = l.run ORDER BY found.n, wanted.n
"""
_WANTED = "JOIN UNNEST(CAST($2 AS VARCHAR[])) WITH ORDINALITY AS wanted(key, n) ON wanted.key = l.key"


class PointTables(Tables):
    """The points of curves, with their steps and times."""

    def points(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str] | None,
        axis: Axis = "step",
        max_points: int | None = None,
        x_min: float | None = None,
        x_max: float | None = None,
        *,
        strict: bool = False,
    ) -> Points:
        """Return the points of metrics of several runs. `read_series` thins out long series."""
        import numpy as np

        along, across = ("step", "timestamp") if axis == "step" else ("timestamp", "step")
        wanted = None if keys is None else list(dict.fromkeys(keys))
        if not run_ids or (wanted == [] and not strict):
            # This is frequent: a screen polls a run that has just started.
            return _no_points()
        with self.reading() as cursor:
            sql = f"SELECT r.run_id, r.run FROM runs AS r {JOIN_IDS}"
            numbers = dict(cursor.execute(sql, [list(run_ids)]).fetchall())
            if strict:
                check_known(run_ids, numbers)
            runs = [numbers[run_id] for run_id in dict.fromkeys(run_ids) if run_id in numbers]
            if wanted is None:
                series = _SERIES.format(wanted="", place='l.key COLLATE "C"')
                found = cursor.execute(series, [runs]).fetchnumpy()
            else:
                series = _SERIES.format(wanted=_WANTED, place="wanted.n")
                found = cursor.execute(series, [runs, wanted]).fetchnumpy()
            if not len(found["series"]):
                return _no_points()
            if max_points is not None and not (found["points"] > max_points).any():
                max_points = None
            points = self.read_series(cursor, found["series"].tolist(), axis, max_points, x_min, x_max)
        by_series = np.argsort(found["series"])
        place = by_series[np.searchsorted(found["series"], points["series"], sorter=by_series)]
        order = np.lexsort((points[across], points[along], place))
        place = place[order]
        total = np.bincount(place, minlength=len(found["series"]))
        if "total" in points:
            total[place] = points["total"][order]
        fields = (found[name].tolist() for name in ("run_id", "name", "key", "start_time"))
        return Points(
            [Series(*each) for each in zip(*fields, total.tolist(), strict=True)],
            place,
            points["step"][order],
            points["timestamp"][order],
            points["value"][order],
            found["points"].tolist(),
        )

    def grid(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        max_points: int = 1000,
        x_min: float | None = None,
        x_max: float | None = None,
        *,
        known: Sequence[str] = (),
        x_metric: str | None = None,
    ) -> Grid:
        """Return the points of metrics of several runs, summarized on a common grid. `read_grid` reads them."""
        wanted: list[WantedSeries] = []
        axes: dict[str, int] = {}
        unchanged: list[str] = []
        if run_ids and keys:
            with self.reading() as cursor:
                sql = f"SELECT r.run_id, r.run FROM runs AS r {JOIN_IDS}"
                numbers = dict(cursor.execute(sql, [list(run_ids)]).fetchall())
                runs = [numbers[run_id] for run_id in dict.fromkeys(run_ids) if run_id in numbers]
                seen = set(known)
                versions: dict[str, str] = {}
                if x_metric is not None:
                    found = cursor.execute(_GRID_SERIES, [runs, [x_metric]]).fetchall()
                    axes = {run_id: series for series, _, run_id, *_ in found}
                    versions = {row[2]: f"/{_version(row[0], row[5:8])}" for row in found}
                for series, start, run_id, name, key, *row in cursor.execute(
                    _GRID_SERIES, [runs, list(dict.fromkeys(keys))]
                ).fetchall():
                    version = _version(series, row[:3]) + versions.get(run_id, "")
                    if x_metric is not None and run_id not in axes:
                        continue
                    if version in seen:
                        unchanged.append(version)
                    else:
                        points, time, _, first, last, first_time, is_finite = row
                        named = (series, start, run_id, name, key, version)
                        wanted.append(WantedSeries(*named, points, (first, last), (first_time, time), bool(is_finite)))
                if wanted and x_metric is not None:
                    pairs = [(one.series, axes[one.run_id]) for one in wanted]
                    joined = joined_of(wanted, max_points, read_joined(cursor, pairs, max_points, x_min, x_max))
                    return replace(joined, unchanged=unchanged)
                if wanted:
                    read = self.read_grid(cursor, wanted, axis, max_points, x_min, x_max)
                    return replace(grid_of(wanted, axis, max_points, read), unchanged=unchanged)
        none = _no_points().value
        places = none.astype("int64")
        return Grid([], places, none, none, none, none, none, unchanged, places, none, none)


def _version(series: int, state: Sequence[object]) -> str:
    """Return a string that changes whenever a point is added to a series or deleted from it."""
    return ".".join(map(repr, (series, *state)))


def _no_points() -> Points:
    import numpy as np

    none = np.zeros(0, dtype=np.int64)
    return Points([], none, none, none, np.zeros(0))

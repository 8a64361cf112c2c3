"""Points of many series as columns, all of them or thinned out."""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol import Axis, Points, Series
from .base import Tables
from .runs import JOIN_IDS, check_known

_SERIES = """
    SELECT l.series, r.run_id, r.name, r.start_time, l.key, l.points FROM latest_metrics AS l
    JOIN UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY AS found(run, n) ON found.run = l.run
    JOIN runs AS r ON r.run = l.run {wanted} ORDER BY found.n, {place}
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
        )


def _no_points() -> Points:
    import numpy as np

    none = np.zeros(0, dtype=np.int64)
    return Points([], none, none, none, np.zeros(0))

"""Metric histories in SQL, whole or as curves of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..entities import Metric
from .base import Tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Axis = Literal["step", "time", "relative"]

_X = {
    "step": "m.step",
    "time": "m.timestamp",
    "relative": "(m.timestamp - r.start_time) / 1000.0",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """One series: `x` and `y` have the same length; `total` points lie in the range that was asked for."""

    run_id: str
    key: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    total: int


class MetricTables(Tables):
    """Points go in through the journal."""

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point of a metric in the order of time, then step. A point logged twice alike counts once."""
        with self.reading() as cursor:
            rows = cursor.execute(
                "SELECT DISTINCT m.timestamp, m.step, m.value FROM metrics AS m JOIN latest_metrics AS l "
                "ON l.series = m.series JOIN runs AS r ON r.run = l.run WHERE r.run_id = $1 AND l.key = $2 "
                "ORDER BY m.timestamp, m.step, m.value",
                [run_id, key],
            ).fetchall()
        return [Metric(key, value, timestamp, step, run_id) for timestamp, step, value in rows]

    def last_steps(self, run_id: str) -> dict[str, int]:
        """The highest step of each of a run's metrics."""
        with self.reading() as cursor:
            sql = "SELECT l.key, l.step FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run WHERE r.run_id = $1"
            return dict(cursor.execute(sql, [run_id]).fetchall())

    def curves(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        x_min: float | None = None,
        x_max: float | None = None,
        max_points: int | None = None,
    ) -> list[Curve]:
        """The series of these runs and keys that have points, in the order of `run_ids`, then `keys`.

        The range includes its ends. A series of more than `max_points` is cut into buckets of equal width, and of each
        bucket its lowest and highest point are sent (and one NaN, where there is any), so that no spike is lost.
        """
        import numpy as np

        if not run_ids or not keys:
            return []
        with self.reading() as cursor:
            wanted = cursor.execute(_WANTED, [list(run_ids), list(keys)]).fetchall()
            if not wanted:
                return []
            points, parameters = _points([row[0] for row in wanted], axis, x_min, x_max)
            if max_points is None or max(row[3] for row in wanted) <= max_points:
                cursor.execute(f"{points} SELECT series, x, y, 0 AS total FROM points", parameters)
            else:
                buckets = max(max_points // 2, 1)
                cursor.execute(f"{points} {_DOWNSAMPLED.format(most=max_points, buckets=buckets)}", parameters)
            columns = cursor.fetchnumpy()
        names = {series: (run_id, key) for series, run_id, key, _ in wanted}
        series, x, y, total = (columns[name] for name in ("series", "x", "y", "total"))
        order = np.lexsort((x, series))
        starts = np.flatnonzero(np.diff(series[order], prepend=-1))
        found = {}
        for part in np.split(order, starts[1:]) if len(order) else ():
            run_id, key = names[int(series[part[0]])]
            found[run_id, key] = Curve(run_id, key, x[part], y[part], int(total[part[0]]) or len(part))
        return [found[run_id, key] for run_id in run_ids for key in keys if (run_id, key) in found]


JOIN_IDS = "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = r.run_id"
"""Keeps of `runs AS r` those whose ids are in the first parameter."""

_WANTED = f"""
    SELECT l.series, r.run_id, l.key, l.points FROM runs AS r {JOIN_IDS} JOIN latest_metrics AS l ON l.run = r.run
    JOIN UNNEST(CAST($2 AS VARCHAR[])) AS wanted(key) ON wanted.key = l.key
"""


OF_SERIES = "FROM metrics AS m JOIN UNNEST(CAST($1 AS BIGINT[])) AS wanted(series) ON wanted.series = m.series"
"""The points of the series in the first parameter. A join, and not IN with a list: it is half the work, as DuckDB
passes over the blocks that cannot have any of them."""


def _points(series: Sequence[int], axis: Axis, x_min: float | None, x_max: float | None) -> tuple[str, list[Any]]:
    parameters: list[Any] = [list(series)]
    x = _X[axis]
    conditions = []
    for sign, bound in ((">=", x_min), ("<=", x_max)):
        if bound is not None:
            parameters.append(float(bound))
            conditions.append(f"{x} {sign} ${len(parameters)}")
    started = " JOIN latest_metrics AS l ON l.series = m.series JOIN runs AS r ON r.run = l.run"
    points = f"""
        WITH points AS (
            SELECT m.series AS series, CAST({x} AS DOUBLE PRECISION) AS x, m.value AS y
            {OF_SERIES}{started if axis == "relative" else ""} WHERE {" AND ".join(conditions) or "TRUE"})
    """
    return points, parameters


# [y, x] pairs compare by y first, on DuckDB and on PostgreSQL: the lowest pair is the lowest point with its x.
_DOWNSAMPLED = """
    , extents AS (SELECT series, COUNT(*) AS total, MIN(x) AS low, MAX(x) AS high FROM points GROUP BY series),
    buckets AS (
        SELECT p.series, FLOOR((p.x - e.low) / NULLIF(e.high - e.low, 0) * {buckets}) AS bucket,
               MIN(CASE WHEN p.y <> 'NaN' THEN ARRAY[p.y, p.x] END) AS lowest,
               MAX(CASE WHEN p.y <> 'NaN' THEN ARRAY[p.y, p.x] END) AS highest,
               MIN(CASE WHEN p.y = 'NaN' THEN p.x END) AS gap, MAX(e.total) AS total
        FROM points AS p JOIN extents AS e ON e.series = p.series
        WHERE e.total > {most} GROUP BY p.series, bucket)
    SELECT p.series, p.x, p.y, e.total FROM points AS p JOIN extents AS e ON e.series = p.series WHERE e.total <= {most}
    UNION ALL SELECT series, lowest[2], lowest[1], total FROM buckets WHERE lowest IS NOT NULL
    UNION ALL SELECT series, highest[2], highest[1], total FROM buckets WHERE highest IS NOT NULL AND highest <> lowest
    UNION ALL SELECT series, gap, CAST('NaN' AS DOUBLE PRECISION), total FROM buckets WHERE gap IS NOT NULL
"""

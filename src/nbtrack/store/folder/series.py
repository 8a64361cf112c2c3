"""The points of many series from DuckDB, all of them or thinned out without losing a spike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..protocol import Axis
from ..sql.base import Cursor, Tables

if TYPE_CHECKING:
    from ..protocol import Columns

_PLACE = {
    "step": "m.step",
    "time": "m.timestamp",
    "relative": "(m.timestamp - r.start_time) / 1000.0",
}
# A join takes half the time of IN with a list, because DuckDB skips the blocks that cannot contain any of the series.
_POINTS = """
    SELECT m.series, m.step, m.timestamp, m.value FROM metrics AS m
    JOIN UNNEST(CAST($1 AS BIGINT[])) AS wanted(series) ON wanted.series = m.series
"""
_STARTS = "JOIN latest_metrics AS l ON l.series = m.series JOIN runs AS r ON r.run = l.run"
# Rows are compared by their first field, then by the next, so the lowest row is the first of the lowest points.
_THINNED = """
    WITH points AS ({points}),
    extents AS (
        SELECT series, COUNT(*) AS total, CAST(MIN({along}) AS DOUBLE PRECISION) AS low,
               CAST(MAX({along}) AS DOUBLE PRECISION) - MIN({along}) AS width
        FROM points GROUP BY series),
    buckets AS (
        SELECT p.series, MIN(CASE WHEN p.value <> 'NaN' THEN ROW(p.value, p.{along}, p.{across}) END) AS lowest,
               MAX(CASE WHEN p.value <> 'NaN' THEN ROW(p.value, p.{along}, p.{across}) END) AS highest,
               MIN(CASE WHEN p.value = 'NaN' THEN ROW(p.value, p.{along}, p.{across}) END) AS gap, MAX(e.total) AS total
        FROM points AS p JOIN extents AS e ON e.series = p.series WHERE e.total > {most}
        GROUP BY p.series, FLOOR((p.{along} - e.low) / NULLIF(e.width, 0) * {buckets}))
    SELECT p.series, p.{along}, p.{across}, p.value, e.total
    FROM points AS p JOIN extents AS e ON e.series = p.series WHERE e.total <= {most}
    UNION ALL SELECT series, lowest[2], lowest[3], lowest[1], total FROM buckets WHERE lowest IS NOT NULL
    UNION ALL SELECT series, highest[2], highest[3], highest[1], total FROM buckets
    WHERE highest IS NOT NULL AND highest <> lowest
    UNION ALL SELECT series, gap[2], gap[3], gap[1], total FROM buckets WHERE gap IS NOT NULL
"""


class SeriesTables(Tables):
    """Reading points in DuckDB's SQL."""

    def read_series(
        self,
        cursor: Cursor,
        series: Sequence[int],
        axis: Axis,
        max_points: int | None = None,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> Columns:
        """Return the points of series, thinned out if there are more than `max_points`."""
        parameters: list[Any] = [list(series)]
        conditions = []
        for sign, bound in ((">=", x_min), ("<=", x_max)):
            if bound is not None:
                parameters.append(float(bound))
                conditions.append(f"{_PLACE[axis]} {sign} ${len(parameters)}")
        points = _POINTS
        if conditions:
            points += f"{_STARTS if axis == 'relative' else ''} WHERE {' AND '.join(conditions)}"
        if max_points is None:
            return cursor.execute(points, parameters).fetchnumpy()
        # Seconds since the start of the run have the same intervals as the time.
        along, across = ("step", "timestamp") if axis == "step" else ("timestamp", "step")
        sql = _THINNED.format(
            points=points, along=along, across=across, most=max_points, buckets=max(max_points // 2 - 1, 1)
        )
        return cursor.execute(sql, parameters).fetchnumpy()

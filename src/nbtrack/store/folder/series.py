"""The points of many series from DuckDB: all of them, thinned out without losing a spike, or on a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..protocol import Axis
from ..sql.base import Cursor, Tables
from ..sql.grid import WantedSeries, guessed_width, width_of, window_of
from ..sql.joined import FINITE, ODD_COUNTS

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

_GRID_AXIS = {"step": "m.step", "time": "m.timestamp", "relative": "m.timestamp - wanted.start_time"}
_VALUES = ("count", "mean", "low", "high")
_ODD_KINDS = ("nan", "pos_inf", "neg_inf")
_FURTHEST = 2**63
_WANTED = """
    FROM metrics AS m JOIN (
        SELECT UNNEST(CAST($1 AS BIGINT[])) AS series, UNNEST(CAST($2 AS BIGINT[])) AS start_time,
               UNNEST(CAST($3 AS DOUBLE PRECISION[])) AS width
    ) AS wanted ON wanted.series = m.series
"""
_WINDOW = "WHERE {along} >= $4 AND {along} <= $5"
_BUCKETS = """
    SELECT m.series, FLOOR(({along}) / wanted.width) * wanted.width AS place, MIN({along}) AS first,
           MAX({along}) AS last, COUNT(*) AS points, {values}
    {wanted} GROUP BY m.series, FLOOR(({along}) / wanted.width) * wanted.width
"""
_FINITE_VALUES = "COUNT(*) AS count, AVG(m.value) AS mean, MIN(m.value) AS low, MAX(m.value) AS high"
_ANY_VALUES = f"""
    COUNT({FINITE}) AS count, AVG({FINITE}) AS mean, MIN({FINITE}) AS low, MAX({FINITE}) AS high, {ODD_COUNTS}
"""
_ODD = """
    SELECT m.series, MIN({along}) AS place,
           CASE WHEN m.value = 'NaN' THEN 0 WHEN m.value > 0 THEN 1 ELSE -1 END AS kind
    {wanted} {where} NOT (m.value - m.value = 0)
    GROUP BY m.series, FLOOR(({along}) / wanted.width),
             CASE WHEN m.value = 'NaN' THEN 0 WHEN m.value > 0 THEN 1 ELSE -1 END
"""
_EXACT = "SELECT m.series, {along} AS place, {across} AS across, m.value AS mean {wanted}"


class SeriesTables(Tables):
    """Reading points in DuckDB's SQL."""

    def read_grid(
        self,
        cursor: Cursor,
        series: Sequence[WantedSeries],
        axis: Axis,
        max_points: int,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> tuple[Columns, Columns, Columns, Columns]:
        """Return the extents and buckets of long series, the points of short ones, and odd values.

        The width of a series' buckets depends on its first and last point in the window. The summary of the whole
        series says almost always the right one, so that the points are read once. Only series for which it was wrong
        are read again, and only those that have a NaN or an infinity anywhere pay for looking for them.
        """
        import numpy as np

        along, across = _GRID_AXIS[axis], "m.timestamp" if axis == "step" else "m.step"
        by_number = {one.series: one for one in series}
        wanted, all_points = _WANTED, x_min is None and x_max is None
        if not all_points:
            wanted += _WINDOW.format(along=along)

        def read(sql: str, widths: dict[int, float], low: int, high: int, values: str = "") -> Columns:
            starts = [by_number[one].start_time for one in widths]
            parameters: list[Any] = [list(widths), starts, list(widths.values())]
            where = "WHERE" if all_points else "AND"
            sql = sql.format(along=along, across=across, wanted=wanted, where=where, values=values)
            return cursor.execute(sql, parameters if all_points else [*parameters, low, high]).fetchnumpy()

        low, high = _within(*window_of(axis, max_points, x_min, x_max))

        def read_buckets(widths: dict[int, float]) -> Columns:
            finite = {one: width for one, width in widths.items() if by_number[one].is_finite}
            others = {one: width for one, width in widths.items() if not by_number[one].is_finite}
            parts = [_without_rows("series", "place", "first", "last", "points", *_VALUES, *_ODD_KINDS)]
            # Without any series, DuckDB would still read all points.
            if finite:
                part = read(_BUCKETS, finite, low, high, _FINITE_VALUES)
                parts.append(part | dict.fromkeys(_ODD_KINDS, np.zeros(len(part["series"]), dtype=np.int64)))
            if others:
                parts.append(read(_BUCKETS, others, low, high, _ANY_VALUES))
            return _together(parts)

        guessed = {one.series: float(guessed_width(one, axis, max_points, low, high)) for one in series}
        guessed = {one: width for one, width in guessed.items() if width}
        buckets = read_buckets(guessed)
        extents = _extents(buckets)
        ranges = zip(*(extents[name].tolist() for name in ("series", "total", "first", "last")), strict=True)
        widths = {one: width_of(total, first, last, max_points) for one, total, first, last in ranges}
        again = {one: float(width) for one, width in widths.items() if width and width != guessed[one]}
        kept = [one for one, width in widths.items() if width and width == guessed[one]]
        if len(kept) < len(widths):
            rows = np.isin(buckets["series"], kept)
            buckets = {name: column[rows] for name, column in buckets.items()}
        if again:
            buckets = _together([buckets, read_buckets(again)])
        short = {one.series: 1.0 for one in series if not widths.get(one.series)}
        exact = _without_rows("series", "place", "across", "mean")
        if short:
            exact = read(_EXACT, short, *_within(*window_of(axis, None, x_min, x_max)))
        odd = extents["nan"] + extents["pos_inf"] + extents["neg_inf"] > 0
        with_odd = {one: float(widths[one]) for one in extents["series"][odd].tolist() if widths[one]}
        gaps = read(_ODD, with_odd, low, high) if with_odd else _without_rows("series", "place", "kind")
        return extents, buckets, exact, gaps

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


def _within(low: float, high: float) -> tuple[int, int]:
    """Return the first and the last integer from `low` to `high` that a column can hold.

    DuckDB skips blocks of rows only if the column and the bound have the same type.
    """
    first, last = (min(max(each, -float(_FURTHEST)), float(_FURTHEST)) for each in (low, high))
    return min(math.ceil(first), _FURTHEST - 1), min(math.floor(last), _FURTHEST - 1)


def _without_rows(*names: str) -> Columns:
    import numpy as np

    return dict.fromkeys(names, np.zeros(0, dtype=np.int64))


def _together(parts: Sequence[Columns]) -> Columns:
    """Return the rows of several results. NULL becomes NaN."""
    import numpy as np

    def filled(column: Any) -> Any:
        return column.filled(np.nan) if np.ma.isMaskedArray(column) else column

    return {name: np.concatenate([filled(part[name]) for part in parts]) for name in parts[0]}


def _extents(buckets: Columns) -> Columns:
    """Return the number of points of each series, its first and last position, and its odd values."""
    import numpy as np

    order = np.argsort(buckets["series"], kind="stable")
    series, starts = np.unique(buckets["series"][order], return_index=True)
    if not len(series):
        return {"series": series, "total": series} | dict.fromkeys(("first", "last", *_ODD_KINDS), series)
    extents = {"series": series, "total": np.add.reduceat(buckets["points"][order], starts)}
    for name, reduce in (("first", np.minimum), ("last", np.maximum), *((kind, np.add) for kind in _ODD_KINDS)):
        extents[name] = reduce.reduceat(buckets[name][order], starts)
    return extents

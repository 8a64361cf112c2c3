"""Curves over another metric: points joined by step, in statements that run on every database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .base import Cursor
from .grid import width_of

if TYPE_CHECKING:
    from ..protocol import Columns

FINITE = "CASE WHEN m.value - m.value = 0 THEN m.value END"
"""The SQL of a point's value, NULL if it is NaN or infinite."""
ODD_COUNTS = """
    COUNT(CASE WHEN m.value = 'NaN' THEN 1 END) AS nan, COUNT(CASE WHEN m.value = 'Infinity' THEN 1 END) AS pos_inf,
    COUNT(CASE WHEN m.value = '-Infinity' THEN 1 END) AS neg_inf
"""
"""The SQL of how many values are NaN and infinite."""

# Each pair is a series and the series of the same run that is its x axis.
_PAIRS = """
    (SELECT UNNEST(CAST($1 AS BIGINT[])) AS series, UNNEST(CAST($2 AS BIGINT[])) AS other) AS pair
"""
_STEPS = f"""
    SELECT pair.series, MIN(m.step) AS first, MAX(m.step) AS last
    FROM metrics AS m JOIN {_PAIRS} ON pair.other = m.series
    WHERE m.value >= $3 AND m.value <= $4 AND m.value - m.value = 0 GROUP BY pair.series
"""
_PART = """
    (SELECT UNNEST(CAST($1 AS BIGINT[])) AS series, UNNEST(CAST($2 AS BIGINT[])) AS other,
            UNNEST(CAST($3 AS BIGINT[])) AS low, UNNEST(CAST($4 AS BIGINT[])) AS high,
            UNNEST(CAST($5 AS DOUBLE PRECISION[])) AS width) AS part
"""
_EXTENTS = f"""
    SELECT m.series, COUNT(*) AS total, MIN(m.step) AS first, MAX(m.step) AS last, {ODD_COUNTS}
    FROM metrics AS m JOIN {_PART} ON part.series = m.series
    WHERE m.step >= part.low AND m.step <= part.high GROUP BY m.series
"""
_JOINED = f"""
    WITH part AS (SELECT * FROM {_PART}),
    xs AS (
        SELECT part.series, FLOOR(m.step / part.width) AS place, AVG({FINITE}) AS x
        FROM metrics AS m JOIN part ON part.other = m.series WHERE m.step >= part.low AND m.step <= part.high
        GROUP BY part.series, FLOOR(m.step / part.width)),
    ys AS (
        SELECT part.series, FLOOR(m.step / part.width) AS place, COUNT(*) AS points, COUNT({FINITE}) AS count,
               AVG({FINITE}) AS mean, MIN({FINITE}) AS low, MAX({FINITE}) AS high, {ODD_COUNTS}
        FROM metrics AS m JOIN part ON part.series = m.series WHERE m.step >= part.low AND m.step <= part.high
        GROUP BY part.series, FLOOR(m.step / part.width))
    SELECT ys.series, xs.x, ys.points, ys.count, ys.mean, ys.low, ys.high, ys.nan, ys.pos_inf, ys.neg_inf
    FROM ys JOIN xs ON xs.series = ys.series AND xs.place = ys.place WHERE xs.x IS NOT NULL
"""


def read_joined(
    cursor: Cursor,
    pairs: Sequence[tuple[int, int]],
    max_points: int,
    x_min: float | None,
    x_max: float | None,
) -> tuple[Columns, Columns]:
    """Return series joined by step to the series that are their x axis, in any order.

    Buckets of steps have the width that `grid.width_of` gives, or 1. The steps that are read are those between the
    first and the last one whose x is from `x_min` to `x_max`.

    - The columns of extents are series, total, first, last, nan, pos_inf and neg_inf, of series that have points at
      these steps.
    - The columns of buckets are series, x (the mean of the finite values of the axis), points, count, mean, low, high,
      nan, pos_inf and neg_inf. Count, mean, low and high are about finite values; the last three of these are masked,
      NULL or NaN if there is none. Buckets without a finite x are left out.
    """
    low, high = -math.inf if x_min is None else x_min, math.inf if x_max is None else x_max
    series, others = [one for one, _ in pairs], [other for _, other in pairs]
    steps = cursor.execute(_STEPS, [series, others, low, high]).fetchnumpy()
    ranges = {
        one: (first, last)
        for one, first, last in zip(*(steps[name].tolist() for name in ("series", "first", "last")), strict=True)
    }
    kept = [pair for pair in pairs if pair[0] in ranges]

    def read(sql: str, widths: dict[int, float]) -> Columns:
        chosen = [pair for pair in kept if pair[0] in widths]
        ends = [ranges[one] for one, _ in chosen]
        columns = [
            [one for one, _ in chosen],
            [other for _, other in chosen],
            [first for first, _ in ends],
            [last for _, last in ends],
            [widths[one] for one, _ in chosen],
        ]
        return cursor.execute(sql, columns).fetchnumpy()

    extents = read(_EXTENTS, dict.fromkeys(ranges, 1.0))
    found = zip(*(extents[name].tolist() for name in ("series", "total", "first", "last")), strict=True)
    widths = {one: float(width_of(total, first, last, max_points) or 1) for one, total, first, last in found}
    return extents, read(_JOINED, widths)

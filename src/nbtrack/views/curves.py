"""Curves as series with float64 buffers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidParameter
from ..store.protocol import Grid, Points
from .contract import MOST_CURVES, CurvesReply, CurvesRequest, Series
from .source import Source
from .view import view

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_POINTS = 3
"""A thinned curve keeps its lowest, its highest and its last point."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A series. `x` and `y` have the same length, and `total` points of the store are in the range."""

    run_id: str
    key: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    total: int


@view("curves")
def curves(source: Source, request: CurvesRequest) -> tuple[CurvesReply, list[bytes]]:
    """Return the series of these runs and keys, on a common grid if they are long.

    Buffers 2i and 2i + 1 are the x and y of the i-th series. Three more buffers for each series with buckets follow,
    and two for each of them that has values that are not finite.
    """
    wanted = len(request["run_ids"]) * len(request["keys"])
    if wanted > MOST_CURVES:
        raise InvalidParameter(
            f"run_ids times keys must be at most {MOST_CURVES:,} series, not {wanted:,}. Ask for fewer at a time."
        )
    grid = source.reading.grid(
        request["run_ids"],
        request["keys"],
        request["x_axis"],
        request["max_points"],
        request["x_min"],
        request["x_max"],
        known=request.get("known", ()),
        x_metric=request.get("x_metric"),
    )
    series, buffers = _sent(grid)
    reply: CurvesReply = {
        "series": series,
        "x_axis": request["x_axis"],
        "x_min": request["x_min"],
        "x_max": request["x_max"],
        "max_points": request["max_points"],
        "unchanged": grid.unchanged,
    }
    return reply, buffers


def _sent(grid: Grid) -> tuple[list[Series], list[bytes]]:
    """Return the entries of the series that have points in the range, and their buffers."""
    import numpy as np

    bounds = np.searchsorted(grid.place, np.arange(len(grid.series) + 1)).tolist()
    shown = [
        (place, one, slice(start, end))
        for place, (one, (start, end)) in enumerate(zip(grid.series, itertools.pairwise(bounds), strict=True))
        if start < end
    ]
    odd_bounds = np.searchsorted(grid.odd_place, np.arange(len(grid.series) + 1)).tolist()
    odd_rows = [slice(*each) for each in itertools.pairwise(odd_bounds)]
    series: list[Series] = []
    envelopes: list[bytes] = []
    for place, one, rows in shown:
        entry: Series = {
            "run_id": one.run_id,
            "run_name": one.run_name,
            "key": one.key,
            "points": rows.stop - rows.start,
            "total": one.total,
            "width": one.width,
            "nan": one.nan,
            "pos_inf": one.pos_inf,
            "neg_inf": one.neg_inf,
            "version": one.version,
        }
        if one.width:
            entry["envelope"] = 2 * len(shown) + len(envelopes)
            envelopes += [as_bytes(array[rows]) for array in (grid.low, grid.high, grid.count)]
        if (one.nan or one.pos_inf or one.neg_inf) and (one.width or one.joined is not None):
            entry["odd"] = 2 * len(shown) + len(envelopes)
            envelopes += [as_bytes(array[odd_rows[place]]) for array in (grid.odd_x, grid.odd_kind)]
        if one.joined is not None:
            entry["joined"] = one.joined
        series.append(entry)
    return series, [as_bytes(array[rows]) for _, _, rows in shown for array in (grid.x, grid.mean)] + envelopes


def curves_of(points: Points) -> list[Curve]:
    """Return a curve by step for each series that has points."""
    import numpy as np

    x = points.step.astype(np.float64)
    bounds = np.searchsorted(points.place, np.arange(len(points.series) + 1)).tolist()
    found = []
    for one, (start, end) in zip(points.series, itertools.pairwise(bounds), strict=True):
        if start < end:
            found.append(Curve(one.run_id, one.key, x[start:end], points.value[start:end], one.total))
    return found


def series_of(found: Sequence[Curve]) -> list[Series]:
    """Return the entry of each curve in the reply."""
    return [{"run_id": curve.run_id, "key": curve.key, "points": len(curve.x), "total": curve.total} for curve in found]


def buffers_of(found: Sequence[Curve]) -> list[bytes]:
    """Return x and y of each curve."""
    return [as_bytes(array) for curve in found for array in (curve.x, curve.y)]


def as_bytes(array: NDArray[np.float64]) -> bytes:
    """Return an array as little-endian float64."""
    return array.astype("<f8").tobytes()

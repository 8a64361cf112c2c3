"""Curves as series with float64 buffers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidParameter
from ..store.protocol import Axis, Points
from .contract import CurvesReply, CurvesRequest, Series
from .source import Source
from .view import view

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CURVES = 10_000
"""The largest number of runs times keys in one request."""
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
    """Return the series of these runs and keys. Buffers 2i and 2i + 1 are the x and y of the i-th series."""
    wanted = len(request["run_ids"]) * len(request["keys"])
    if wanted > MOST_CURVES:
        raise InvalidParameter(
            f"run_ids times keys must be at most {MOST_CURVES:,} series, not {wanted:,}. Ask for fewer at a time."
        )
    points = source.reading.points(
        request["run_ids"],
        request["keys"],
        request["x_axis"],
        max(request["max_points"], FEWEST_POINTS),
        request["x_min"],
        request["x_max"],
    )
    found = curves_of(points, request["x_axis"])
    return {"series": series_of(found)}, buffers_of(found)


def curves_of(points: Points, axis: Axis = "step") -> list[Curve]:
    """Return a curve for each series that has points in the range."""
    import numpy as np

    x = (points.step if axis == "step" else points.timestamp).astype(np.float64)
    bounds = np.searchsorted(points.place, np.arange(len(points.series) + 1)).tolist()
    found = []
    for one, (start, end) in zip(points.series, itertools.pairwise(bounds), strict=True):
        if start < end:
            along = (x[start:end] - one.start_time) / 1000 if axis == "relative" else x[start:end]
            found.append(Curve(one.run_id, one.key, along, points.value[start:end], one.total))
    return found


def series_of(found: Sequence[Curve]) -> list[Series]:
    """Return the entry of each curve in the reply."""
    return [{"run_id": curve.run_id, "key": curve.key, "points": len(curve.x), "total": curve.total} for curve in found]


def buffers_of(found: Sequence[Curve]) -> list[bytes]:
    """Return x and y of each curve as little-endian float64."""
    return [array.astype("<f8").tobytes() for curve in found for array in (curve.x, curve.y)]

"""Curves as series with float64 buffers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..client import Client
from ..errors import InvalidParameter
from ..store.protocol import Axis, Points
from .contract import CurvesReply, CurvesRequest, Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_POINTS = 5_000


@dataclass(frozen=True, slots=True)
class Curve:
    """One series: `x` and `y` have the same length; `total` points lie in the range that was asked for."""

    run_id: str
    key: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    total: int


def curves(client: Client, request: CurvesRequest) -> tuple[CurvesReply, list[bytes]]:
    """The series of these runs and keys; buffers 2i and 2i + 1 are the x and y of the i-th."""
    if request["x_axis"] not in ("step", "time", "relative"):
        raise InvalidParameter(f"x_axis={request['x_axis']!r}: use 'step', 'time' or 'relative'.")
    points = client.reading.points(
        request["run_ids"],
        request["keys"],
        request["x_axis"],
        min(max(request["max_points"], 3), MOST_POINTS),
        request["x_min"],
        request["x_max"],
    )
    found = curves_of(points, request["x_axis"])
    return {"series": series_of(found)}, buffers_of(found)


def curves_of(points: Points, axis: Axis = "step") -> list[Curve]:
    """Points as one curve for each series that has any in the range."""
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
    """What the reply says of each series."""
    return [{"run_id": curve.run_id, "key": curve.key, "points": len(curve.x), "total": curve.total} for curve in found]


def buffers_of(found: Sequence[Curve]) -> list[bytes]:
    """x and y of each series, little-endian."""
    return [array.astype("<f8").tobytes() for curve in found for array in (curve.x, curve.y)]

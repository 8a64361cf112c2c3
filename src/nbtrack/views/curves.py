"""Curves as series with float64 buffers."""

from __future__ import annotations

from collections.abc import Sequence

from ..client import Client
from ..errors import InvalidParameter
from ..store.sql.metrics import Curve
from .contract import CurvesReply, CurvesRequest, Series

MOST_POINTS = 5_000


def curves(client: Client, request: CurvesRequest) -> tuple[CurvesReply, list[bytes]]:
    """The series of these runs and keys; buffers 2i and 2i + 1 are the x and y of the i-th."""
    if request["x_axis"] not in ("step", "time", "relative"):
        raise InvalidParameter(f"x_axis={request['x_axis']!r}: use 'step', 'time' or 'relative'.")
    found = client._store.curves(
        request["run_ids"],
        request["keys"],
        request["x_axis"],
        request["x_min"],
        request["x_max"],
        min(max(request["max_points"], 3), MOST_POINTS),
    )
    return {"series": series_of(found)}, buffers_of(found)


def series_of(found: Sequence[Curve]) -> list[Series]:
    """What the reply says of each series."""
    return [{"run_id": curve.run_id, "key": curve.key, "points": len(curve.x), "total": curve.total} for curve in found]


def buffers_of(found: Sequence[Curve]) -> list[bytes]:
    """x and y of each series, little-endian."""
    return [array.astype("<f8").tobytes() for curve in found for array in (curve.x, curve.y)]

"""The grid of curves: which buckets the points of a series are summarized in.

The width of a bucket is a power of two (of steps or milliseconds), and a bucket begins at a multiple of its width. So
the buckets of a series depend on its own length only, two runs of one chart share their positions, and buckets of
different widths are nested: a wide one is the exact sum of narrow ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol import Axis, Grid, GridSeries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..protocol import Columns

_FURTHEST = float(2**63)


@dataclass(frozen=True, slots=True)
class WantedSeries:
    """A series to read: its number, the start of its run, how it is named in the answer, and its summary.

    Attributes:
        points: The number of points of the whole series.
        steps: Its lowest and its highest step.
        times: The times of its first and its last point. Others may be earlier or later.
        is_finite: Whether no point is NaN or infinite.
    """

    series: int
    start_time: int
    run_id: str
    run_name: str
    key: str
    version: str
    points: int
    steps: tuple[int, int]
    times: tuple[int, int]
    is_finite: bool


def width_of(total: int, first: int, last: int, max_points: int) -> int:
    """Return the width of the buckets of a series, or 0 if its points are few enough to be returned as they are."""
    if total <= max_points:
        return 0
    # Positions before and after 0 are never in one bucket.
    max_points = max(max_points, 2)
    shift = max(((last - first) // max_points).bit_length() - 1, 0)
    while (last >> shift) - (first >> shift) >= max_points:
        shift += 1
    return 1 << shift


def guessed_width(one: WantedSeries, axis: Axis, max_points: int, low: int, high: int) -> int:
    """Return the width of the buckets of a series from `low` to `high` as its summary suggests.

    It is 0 if the series has certainly few points there. If it is not 0, it is wrong if few points are in the window,
    or if the first and the last of them are far from its ends or, on an axis of time, not the earliest and the latest.
    """
    if one.points <= max_points:
        return 0
    first, last = one.steps if axis == "step" else sorted(one.times)
    if axis == "relative":
        first, last = first - one.start_time, last - one.start_time
    first, last = max(first, low), min(last, high)
    if axis == "step" and first > last:
        return 0
    return width_of(max_points + 1, min(first, last), last, max_points)


def common_width(
    axis: Axis, total: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], max_points: int
) -> int:
    """Return the width of the buckets that several series share.

    It is a power of two, at most about `max_points` buckets cover the range of all series, and a bucket has a point of
    most of the series that reach it, because it is at least as wide as the median distance between the points of a
    series. Distances in time vary within a series, so it is half as wide again there.

    Args:
        axis: The axis of the positions.
        total: The number of points of each series.
        first: The position of its first point.
        last: The position of its last point.
        max_points: The largest number of buckets.
    """
    import numpy as np

    width = width_of(max_points + 1, int(first.min()), int(last.max()), max_points)
    several = total > 1
    if several.any():
        distance = float(np.median((last - first)[several] / (total - 1)[several]))
        while width < distance * (1 if axis == "step" else 1.5):
            width *= 2
    return width


def window_of(axis: Axis, max_points: int | None, x_min: float | None, x_max: float | None) -> tuple[float, float]:
    """Return the positions to read, in steps or milliseconds.

    With `max_points` the window is enlarged to whole buckets, so that a bucket at its edge has all of its points.
    """
    scale = 1000 if axis == "relative" else 1
    # 0.57 s are 569.9999999999999 ms to a computer.
    low = -_FURTHEST if x_min is None else round(x_min * scale, 6)
    high = _FURTHEST if x_max is None else round(x_max * scale, 6)
    if max_points is None or x_min is None or x_max is None or high < low:
        return low, high
    width = 1
    while high // width - low // width >= max(max_points, 2):
        width *= 2
    return low // width * width, high // width * width + width - 1


def grid_of(
    wanted: list[WantedSeries], axis: Axis, max_points: int, read: tuple[Columns, Columns, Columns, Columns]
) -> Grid:
    """Return the grid from what `read_grid` returned."""
    import numpy as np

    extents, buckets, exact, odd_values = read
    numbers = np.array([one.series for one in wanted], dtype=np.int64)
    by_number = np.argsort(numbers)

    def place_of(series: NDArray[np.int64]) -> NDArray[np.int64]:
        return by_number[np.searchsorted(numbers, series, sorter=by_number)]

    size = len(wanted)
    fields: dict[str, NDArray[np.int64]] = {}
    for name in ("total", "first", "last", "nan", "pos_inf", "neg_inf"):
        fields[name] = np.zeros(size, dtype=np.int64)
        fields[name][place_of(extents["series"])] = extents[name]
    ranges = zip(*(fields[name].tolist() for name in ("total", "first", "last")), strict=True)
    widths = np.array([width_of(total, first, last, max_points) for total, first, last in ranges], dtype=np.float64)

    of_points, of_buckets = place_of(exact["series"]), place_of(buckets["series"])
    # A window that was enlarged to whole buckets does not concern the series that are sent as they are.
    short = widths == 0
    fields["total"][short] = np.bincount(of_points, minlength=size)[short]
    for name, here in (("nan", np.isnan), ("pos_inf", np.isposinf), ("neg_inf", np.isneginf)):
        fields[name][short] = np.bincount(of_points[here(exact["mean"])], minlength=size)[short]

    begins, width = buckets["place"].astype(np.float64), widths[of_buckets]
    # The middle of the steps begins, …, begins + width - 1, or of that time. A curve ends where its series ends.
    middle = begins + (width - 1 if axis == "step" else width) / 2
    middle = np.clip(middle, fields["first"][of_buckets], fields["last"][of_buckets])
    mean, low, high = (np.ma.filled(buckets[name].astype(np.float64), np.nan) for name in ("mean", "low", "high"))
    # The sum of the largest numbers is infinite, but their mean is not.
    mean = np.where(np.isfinite(mean) | np.isnan(low), mean, low / 2 + high / 2)

    value = exact["mean"].astype(np.float64)
    place = np.concatenate([of_points, of_buckets])
    x = np.concatenate([exact["place"].astype(np.float64), middle])
    across = np.concatenate([exact["across"], np.zeros(len(middle), dtype=np.int64)])
    order = np.lexsort((across, x, place))
    count = np.concatenate([np.isfinite(value).astype(np.float64), buckets["count"].astype(np.float64)])
    scale = 1000 if axis == "relative" else 1
    found = (
        GridSeries(one.run_id, one.run_name, one.key, one.start_time, total, one.version, width / scale, *odd)
        for one, total, width, *odd in zip(
            wanted,
            fields["total"].tolist(),
            widths.tolist(),
            *(fields[name].tolist() for name in ("nan", "pos_inf", "neg_inf")),
            strict=True,
        )
    )
    odd_place, odd_x = place_of(odd_values["series"]), odd_values["place"].astype(np.float64) / scale
    odd_order = np.lexsort((odd_x, odd_place))
    return Grid(
        list(found),
        place[order],
        x[order] / scale,
        count[order],
        np.concatenate([value, mean])[order],
        np.concatenate([value, low])[order],
        np.concatenate([value, high])[order],
        [],
        odd_place[odd_order],
        odd_x[odd_order],
        odd_values["kind"].astype(np.float64)[odd_order],
    )


def joined_of(wanted: list[WantedSeries], max_points: int, read: tuple[Columns, Columns]) -> Grid:
    """Return the grid from what `read_joined` returned. Its rows are sorted by the metric that is the x axis."""
    import numpy as np

    extents, buckets = read
    numbers = np.array([one.series for one in wanted], dtype=np.int64)
    by_number = np.argsort(numbers)

    def place_of(series: NDArray[np.int64]) -> NDArray[np.int64]:
        return by_number[np.searchsorted(numbers, series, sorter=by_number)]

    names = ("total", "first", "last", "nan", "pos_inf", "neg_inf")
    fields = {name: np.zeros(len(wanted), dtype=np.int64) for name in names}
    for name in names:
        fields[name][place_of(extents["series"])] = extents[name]
    place, x = place_of(buckets["series"]), buckets["x"].astype(np.float64)
    order = np.lexsort((x, place))
    place, x = place[order], x[order]
    count = buckets["count"].astype(np.float64)[order]
    mean, low, high = (
        np.ma.filled(buckets[name].astype(np.float64), np.nan)[order] for name in ("mean", "low", "high")
    )
    mean = np.where(np.isfinite(mean) | np.isnan(low), mean, low / 2 + high / 2)
    joined = np.bincount(place, weights=buckets["points"].astype(np.float64)[order], minlength=len(wanted))
    series = [
        GridSeries(
            *(one.run_id, one.run_name, one.key, one.start_time, total, one.version),
            width=float(width_of(total, first, last, max_points)),
            nan=nan,
            pos_inf=pos_inf,
            neg_inf=neg_inf,
            joined=int(count),
        )
        for one, count, total, first, last, nan, pos_inf, neg_inf in zip(
            wanted, joined, *(fields[name].tolist() for name in names), strict=True
        )
    ]
    kinds = [(name, kind) for name, kind in (("nan", 0.0), ("pos_inf", 1.0), ("neg_inf", -1.0))]
    marked = [(buckets[name][order] > 0, kind) for name, kind in kinds]
    odd_place, odd_x = (np.concatenate([array[here] for here, _ in marked]) for array in (place, x))
    odd_kind = np.concatenate([np.full(int(here.sum()), kind) for here, kind in marked])
    odd_order = np.lexsort((odd_x, odd_place))
    odd = (odd_place[odd_order], odd_x[odd_order], odd_kind[odd_order])
    return Grid(series, place, x, count, mean, low, high, [], *odd)

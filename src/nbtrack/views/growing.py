"""The curves of a run that is active. Each read continues where the last one ended."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..journal import now
from ..store.protocol import Points
from .curves import Curve
from .source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
    """Steps, times in milliseconds since the epoch, and values."""

RECENT_MS = 2_000
"""Points that are more recent are read again each time, because others with earlier times may still arrive."""
MOST_RECENT = 20_000
"""How many recent points of a series are read at most. If there are more, all points are read, thinned out."""
SLACK = 1.5
"""How many times as many points as it should a curve may have before it is thinned out again."""
DETAIL = 2
"""How many times as many points as a curve shows are kept of each series."""


class Logged(Protocol):
    """Points of a metric in the order in which they were logged."""

    @property
    def steps(self) -> Sequence[int]: ...
    @property
    def times(self) -> Sequence[int]: ...
    @property
    def values(self) -> Sequence[float]: ...


@dataclass(slots=True)
class _Series:
    """What is known of a series: its older points, thinned out, and its recent points, all of them."""

    older: Rows
    older_total: int
    recent: Rows
    recent_total: int

    @property
    def total(self) -> int:
        return self.older_total + self.recent_total

    @property
    def is_whole(self) -> bool:
        """Whether all recent points are there."""
        return len(self.recent[0]) == self.recent_total


class GrowingCurves:
    """The curves of a run by step, of at most `max_points` points each.

    A read gets only the points of the last two seconds, and counts them. If the store has another number of points, for
    example because a process was late, or because the run was resumed at an earlier step, all points are read.
    """

    def __init__(self, run_id: str, max_points: int) -> None:
        self._run_id = run_id
        self._max_points = max_points
        self._series: dict[str, _Series] = {}
        self._curves: dict[str, Curve] = {}
        self._since = 0
        self._has_read = False
        """Whether nothing was added since the store was read."""

    def read(self, source: Source, keys: Sequence[str]) -> list[Curve]:
        """Return the curves of these metrics. The caller has a snapshot of the store."""
        until = now() - RECENT_MS
        if not (self._series and self._read_on(source, keys)):
            self._read_all(source, keys, until)
        for series in self._series.values():
            self._settle(series, until)
        self._since = until
        self._has_read = True
        return [self._curve(key) for key in keys if key in self._series]

    def add(self, points: Mapping[str, Logged]) -> list[Curve] | None:
        """Add points that were logged since the last read, without the store.

        Some of them may have been read already. Returns all curves, or None if the points do not continue them, so that
        the store must be read.
        """
        import numpy as np

        added: dict[str, Rows] = {}
        for key, logged in points.items():
            series = self._series.get(key)
            if series is None or not series.is_whole:
                return None
            rows = np.array(logged.steps, np.int64), np.array(logged.times, np.int64), np.array(logged.values, float)
            if self._has_read:
                known = set(_comparable(series.recent))
                is_new = np.array([row not in known for row in _comparable(rows)], dtype=bool)
                rows = tuple(column[is_new] for column in rows)
            steps = rows[0]
            last = next((before[-1] for before in (series.recent[0], series.older[0]) if len(before)), None)
            if len(steps) and ((last is not None and steps[0] < last) or bool((steps[1:] < steps[:-1]).any())):
                return None
            added[key] = rows
        for key, (step, time, value) in added.items():
            if not len(step):
                continue
            series = self._series[key]
            curve = self._curve(key)
            pairs = zip(series.recent, (step, time, value), strict=True)
            series.recent = tuple(np.concatenate(pair) for pair in pairs)  # type: ignore[assignment]
            series.recent_total = len(series.recent[0])
            x, y = np.concatenate([curve.x, step.astype(np.float64)]), np.concatenate([curve.y, value])
            if len(x) > SLACK * self._max_points:
                del self._curves[key]
            else:
                self._curves[key] = Curve(self._run_id, key, x, y, series.total)
        self._has_read = False
        return [self._curve(key) for key in self._series]

    def _read_on(self, source: Source, keys: Sequence[str]) -> bool:
        """Read the recent points. Return whether these and the known ones are all points."""
        import numpy as np

        found = _rows(source.reading.points([self._run_id], keys, "time", MOST_RECENT, float(self._since)))
        known = self._series
        if not set(known) <= set(found):
            return False
        for key, (rows, total, points) in found.items():
            series = known.get(key)
            if (series.older_total if series else 0) + total != points or len(rows[0]) != total:
                return False
            if series and not series.is_whole:
                return False
        for key, (rows, total, _) in found.items():
            series = known.setdefault(key, _Series(_no_rows(), 0, _no_rows(), 0))
            pairs = zip(series.recent, rows, strict=True)
            if not all(np.array_equal(old, new, equal_nan=old.dtype.kind == "f") for old, new in pairs):
                self._curves.pop(key, None)
            series.recent, series.recent_total = rows, total
        return True

    def _read_all(self, source: Source, keys: Sequence[str], until: int) -> None:
        import numpy as np

        read, run_ids = source.reading.points, [self._run_id]
        every = _rows(read(run_ids, keys, "step", DETAIL * self._max_points))
        recent = _rows(read(run_ids, keys, "time", MOST_RECENT, float(until)))
        self._curves, self._series = {}, {}
        for key, ((step, time, value), _, points) in every.items():
            rows, total, _ = recent[key]
            # With too many recent points, the next read is a whole one again.
            old = time < until if len(rows[0]) == total else np.ones(len(time), dtype=bool)
            rows = rows if len(rows[0]) == total else _no_rows()
            self._series[key] = _Series((step[old], time[old], value[old]), points - total, rows, total)

    def _settle(self, series: _Series, until: int) -> None:
        """Put the points from before `until` to the older ones, which are thinned out if they have become many."""
        import numpy as np

        if not series.is_whole:
            return
        old = series.recent[1] < until
        if not old.any():
            return
        step, time, value = (np.concatenate([a, b[old]]) for a, b in zip(series.older, series.recent, strict=True))
        series.older_total += int(old.sum())
        series.recent = tuple(rows[~old] for rows in series.recent)  # type: ignore[assignment]
        series.recent_total = len(series.recent[0])
        most = DETAIL * self._max_points
        series.older = thinned(step, time, value, most) if len(step) > 2 * most else (step, time, value)

    def _curve(self, key: str) -> Curve:
        import numpy as np

        if key not in self._curves:
            series = self._series[key]
            step, time, value = (np.concatenate(both) for both in zip(series.older, series.recent, strict=True))
            step, _, value = thinned(step, time, value, self._max_points)
            self._curves[key] = Curve(self._run_id, key, step.astype(np.float64), value, series.total)
        return self._curves[key]


def thinned(step: NDArray[np.int64], time: NDArray[np.int64], value: NDArray[np.float64], max_points: int) -> Rows:
    """Return points in the order of their steps. If there are more than `max_points`, they are thinned out.

    As in `read_series`, the lowest and the highest point, and a NaN, are left of each of `max_points // 2` intervals of
    equal width, the last of which is the last point.
    """
    import numpy as np

    ahead = (step[1:] > step[:-1]) | ((step[1:] == step[:-1]) & (time[1:] >= time[:-1]))
    if not ahead.all():
        order = np.lexsort((time, step))
        step, time, value = step[order], time[order], value[order]
    if len(step) <= max_points:
        return step, time, value
    low, width = float(step[0]), float(step[-1]) - float(step[0])
    intervals = max(max_points // 2 - 1, 1)
    bucket = np.floor((step - low) / width * intervals) if width else np.zeros(len(step))
    starts = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(step)]]))
    lowest, highest = (np.repeat(extreme.reduceat(value, starts), sizes) for extreme in (np.fmin, np.fmax))
    at_lowest, at_highest, gaps = (
        np.flatnonzero(each) for each in (value == lowest, value == highest, np.isnan(value))
    )
    kept = [
        at_lowest[np.diff(bucket[at_lowest], prepend=-1) != 0],
        at_highest[np.diff(bucket[at_highest], append=-1) != 0],
        gaps[np.diff(bucket[gaps], prepend=-1) != 0],
    ]
    rows = np.unique(np.concatenate(kept))
    return step[rows], time[rows], value[rows]


def _comparable(rows: Rows) -> Iterator[tuple[int, int, float | None]]:
    """Yield rows in which a NaN, as None, equals another one."""
    step, time, value = (column.tolist() for column in rows)
    return zip(step, time, (None if number != number else number for number in value), strict=True)


def _rows(points: Points) -> dict[str, tuple[Rows, int, int]]:
    """Return the points of each metric, their number before they were thinned out, and that in any range."""
    import numpy as np

    bounds = np.searchsorted(points.place, np.arange(len(points.series) + 1)).tolist()
    return {
        one.key: ((points.step[a:b], points.timestamp[a:b], points.value[a:b]), one.total, count)
        for one, count, (a, b) in zip(points.series, points.counts, itertools.pairwise(bounds), strict=True)
    }


def _no_rows() -> Rows:
    import numpy as np

    none = np.zeros(0, dtype=np.int64)
    return none, none, np.zeros(0)

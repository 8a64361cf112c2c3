"""Finds the points of a source that the store does not have yet.

A point has no identity besides its values, and a metric can contain the same point twice. So the union of two stores
contains each point as often as the store that has it more often. Merging twice then equals merging once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .records import Points

if TYPE_CHECKING:
    import numpy as np


class Present:
    """The points of one metric that the store already has. Each one matches at most one point of the source."""

    def __init__(self, steps: Any, timestamps: Any, values: Any) -> None:
        import numpy as np

        self._rows, self._left = np.unique(_rows(steps, timestamps, values), return_counts=True)

    def missing(self, points: Points) -> Points:
        """Return the points that match none of these. The points that match are used up."""
        import numpy as np

        rows, places, counts = np.unique(
            _rows(points.steps, points.timestamps, points.values), return_inverse=True, return_counts=True
        )
        at = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        here = self._rows[at] == rows
        used = np.where(here, np.minimum(self._left[at], counts), 0)
        np.subtract.at(self._left, at, used)
        # Of equal points, the first ones count as those that the store already has.
        order = np.argsort(places, kind="stable")
        rank = np.empty(len(places), np.int64)
        rank[order] = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        keep = np.flatnonzero(rank >= used[places]).tolist()
        return Points(
            points.key,
            [points.steps[i] for i in keep],
            [points.timestamps[i] for i in keep],
            [points.values[i] for i in keep],
        )


def _rows(steps: Any, timestamps: Any, values: Any) -> np.ndarray[Any, Any]:
    """Return points as rows that can be compared bit by bit, with a single NaN and a single zero."""
    import numpy as np

    numbers = np.array(values, np.float64) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    rows = np.empty(len(numbers), [("step", np.int64), ("timestamp", np.int64), ("value", np.int64)])
    rows["step"], rows["timestamp"], rows["value"] = steps, timestamps, numbers.view(np.int64)
    return rows

"""The tree of the matching runs: which of them have a row, and in what order, while nested runs are folded.

A run is placed under its parent if the parent matches too, else at the top level. The position of a run in the order
is that of the first run of its whole family. So a sweep with the best trial comes first, although the sweep itself
does not have that metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST = 64
"""Runs that are nested in a cycle, or deeper than this, are placed at the top level."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The rows of the tree, and the position of all runs in it.

    Attributes:
        rows: Positions in the requested order of the runs that have a row, in the order of the rows.
        depth: The depth of each run, by its position in the requested order.
        children: The number of direct children of each run, by its position in the requested order.
    """

    rows: NDArray[Any]
    depth: NDArray[Any]
    children: NDArray[Any]


def outline(above: NDArray[Any], unfolded: NDArray[Any]) -> Outline:
    """Return the tree of runs that are given in order.

    Args:
        above: The position of each run's parent, -1 if it has none.
        unfolded: Whether the runs nested in each run are shown.
    """
    import numpy as np

    count = len(above)
    above, depth = _depths(above)
    levels = range(int(depth.max(initial=0)), 0, -1)
    first = np.arange(count)
    for level in levels:
        there = depth == level
        np.minimum.at(first, above[there], first[there])
    shown = depth == 0
    for level in reversed(levels):
        there = depth == level
        shown[there] = shown[above[there]] & unfolded[above[there]]
    rows = np.flatnonzero(shown)
    # The sort keys are the position of the family on each level. lexsort takes the outermost level last. -1 stands for
    # the parent itself, which comes before its children.
    keys, at = [], rows.copy()
    for level in range(int(depth[rows].max(initial=0)), -1, -1):
        there = depth[at] == level
        keys.append(np.where(there, first[at], -1))
        at = np.where(there & (level > 0), above[at], at)
    return Outline(rows[np.lexsort(keys)], depth, np.bincount(above[above >= 0], minlength=count))


def _depths(above: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the parents without those that lead into a cycle, and the depth of each run."""
    import numpy as np

    while True:
        depth, at = np.zeros(len(above), dtype=np.int64), above
        for _ in range(DEEPEST):
            inside = at >= 0
            if not inside.any():
                break
            depth += inside
            at = np.where(inside, above[at], -1)
        if not (at >= 0).any():
            return above, depth
        above = np.where(at >= 0, -1, above)

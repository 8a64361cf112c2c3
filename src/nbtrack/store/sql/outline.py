"""Runs as a tree that folds: which of the matching runs have a row, and in what order.

A run stands under its parent where that one matches too, and else at the top. Where a run comes is said by the first of
its whole family in the order that was asked for: so the sweep with the best trial comes first, though it has no such
metric itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST = 64
"""Runs that are nested in each other in a circle, or deeper than this, stand at the top."""


@dataclass(frozen=True, slots=True)
class Outline:
    """`rows` are places in the order that was asked for; `depth` and `children` are of all runs, by that place."""

    rows: NDArray[Any]
    depth: NDArray[Any]
    children: NDArray[Any]


def outline(above: NDArray[Any], unfolded: NDArray[Any]) -> Outline:
    """The rows of runs that are given in order.

    `above` is the place of each one's parent, -1 where it has none; `unfolded` says whether what is nested in it shows.
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
    # The family that comes first on each level, the outermost level last, as lexsort has it; -1 is the parent itself.
    keys, at = [], rows.copy()
    for level in range(int(depth[rows].max(initial=0)), -1, -1):
        there = depth[at] == level
        keys.append(np.where(there, first[at], -1))
        at = np.where(there & (level > 0), above[at], at)
    return Outline(rows[np.lexsort(keys)], depth, np.bincount(above[above >= 0], minlength=count))


def _depths(above: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Parents without those that lead into a circle, and how deep each run is nested."""
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

"""Pushes of a live run that have only the points that the push before them lacks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .snapshot import Answer

WHOLE_SECONDS = 10.0
"""All points are sent this often, for a page that opened late or lost a push, and whose requests wait for a cell."""

Points = tuple[bytes, bytes]
"""The float64 arrays of a series: x and y."""


class Deltas:
    """Numbers the pushes of a run, and leaves out the points that the last one had.

    A series of a push begins with the `kept` first points of the same series in the push before it. A page that lacks
    that push asks for all points, and `whole` makes the next push one that later ones can continue.
    """

    def __init__(self) -> None:
        self._number = 0
        self._sent: dict[tuple[str, str], Points] = {}
        self._is_whole = True
        self._whole_at = 0.0

    def whole(self) -> None:
        """Send all points with the next push. It may be called from any thread."""
        self._is_whole = True

    def push(self, answer: Answer) -> Answer:
        """Return the push of a state: its number, which one it continues, and the points that are new."""
        whole = self._is_whole or time.monotonic() - self._whole_at > WHOLE_SECONDS
        if whole:
            self._is_whole = False
            self._whole_at = time.monotonic()
        reply, sent = answer.reply, {}
        buffers: list[bytes] = []
        lists: dict[str, list[dict[str, Any]]] = {}
        place = 0
        for name in ("series", "best_series"):
            lists[name] = []
            for entry in reply.get(name, ()):
                key = (entry["run_id"], entry["key"])
                points = answer.buffers[2 * place], answer.buffers[2 * place + 1]
                place += 1
                sent[key] = points
                delta, new = (entry, points) if whole else _delta(entry, points, self._sent.get(key))
                lists[name].append(delta)
                buffers += new
        after = None if whole else self._number
        self._number += 1
        self._sent = sent
        return Answer(answer.payload, {**reply, **lists, "push": self._number, "after": after}, buffers)


def _delta(entry: Mapping[str, Any], points: Points, before: Points | None) -> tuple[dict[str, Any], Points]:
    """Return a series without the points at its beginning that the page has."""
    if before is None:
        return dict(entry), points
    kept = min(map(_common, before, points))
    new = points[0][8 * kept :], points[1][8 * kept :]
    return {**entry, "points": len(new[0]) // 8, "kept": kept}, new


def _common(old: bytes, new: bytes) -> int:
    """Return how many numbers at the beginning of two arrays are the same bytes."""
    import numpy as np

    count = min(len(old), len(new)) // 8
    if old[: 8 * count] == new[: 8 * count]:
        return count
    differ = np.frombuffer(old, np.int64, count) != np.frombuffer(new, np.int64, count)
    return int(differ.argmax())

"""The states of a run for a screen that follows it: read from the store, and between two reads from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client import Client
from ..errors import NotSupported
from ..journal import now
from ..tags import OUTPUT, PROGRESS, WARNINGS
from ..views.best import BestSoFar
from ..views.contract import LiveRequest
from ..views.curves import buffers_of, series_of
from ..views.growing import GrowingCurves
from ..views.live import live_state
from ..views.numbers import number
from ..views.watched import watched_here
from .snapshot import Answer

SEEN_HERE = frozenset({PROGRESS, OUTPUT, WARNINGS})
"""The tags with what `watched_here` knows earlier."""


class LiveFeed:
    """Follows a run.

    Args:
        client: Client of the store that has the run.
        run_id: ID of the run.
        max_points: How many points a curve has.

    """

    def __init__(self, client: Client, run_id: str, max_points: int) -> None:
        self._client = client
        self._run_id = run_id
        self._request: LiveRequest = {"run_id": run_id, "max_points": max_points}
        self._growing = GrowingCurves(run_id, max_points)
        self._best = BestSoFar()
        self._tail: Any = None
        self._last: Answer | None = None
        self._is_lost = False
        """Whether points were logged that `add` cannot add."""

    @property
    def is_behind(self) -> bool:
        """Whether something was logged that the store must be read for."""
        return self._is_lost or (self._tail is not None and bool(self._tail.has_more))

    @property
    def is_followed(self) -> bool:
        """Whether `add` has what is logged between two reads: the run is one of this process."""
        return self._tail is not None

    def read(self, *, whole: bool = False) -> Answer:
        """Read the state from the store: with `whole` all points, otherwise those that are new."""
        if self._tail is None:
            self._tail = self._follow()
        if self._tail is not None:
            # What is logged during the read may be in both, and is added once.
            self._tail.skip()
        answer = Answer(
            self._request, *live_state(self._client, self._request, None if whole else self._growing, self._best)
        )
        self._last = answer
        self._is_lost = False
        return answer

    def add(self) -> Answer | None:
        """Return the last state with what the run of this process has shown and logged since, or None if nothing."""
        if self._tail is None or self._last is None or self._is_lost:
            return None
        points = self._tail.read()
        seen: Mapping[str, Any] = watched_here(self._run_id) or {}
        reply, buffers = self._last.reply, self._last.buffers
        if points == {}:
            if all(reply[name] == value for name, value in seen.items()):
                return None
            self._last = Answer(self._request, {**reply, **seen, "now": now()}, buffers)
            return self._last
        curves = None if points is None else self._growing.add(points)
        if curves is None:
            self._is_lost = True
            return None
        run = {**reply["run"], "metrics": {**reply["run"]["metrics"]}}
        for key, logged in points.items():
            # A value of an earlier step is not the last one, and then the curves could not be continued.
            run["metrics"][key] = number(logged.values[-1])
        best = buffers[2 * len(reply["series"]) :]
        state = {**reply, **seen, "run": run, "now": now(), "series": series_of(curves)}
        self._last = Answer(self._request, state, [*buffers_of(curves), *best])
        return self._last

    def _follow(self) -> Any:
        try:
            return self._client.capability("tail").tail(self._run_id, without=SEEN_HERE)
        except NotSupported:
            return None

"""One run while it is active. The kernel pushes its state, because a screen's request may wait until the cell ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .. import views
from ..client import Client
from ..entities import RunStatus
from ..views.contract import MOST_SERIES
from .deltas import Deltas
from .host import ViewWidget
from .live_feed import LiveFeed
from .live_page import page_of_run
from .run_traits import RunTraits
from .saved import Page, part
from .snapshot import Answer, Snapshot

MAX_POINTS = 1000
SAVED_POINTS = 200
SAVED_LINES = 30
"""How many lines of output are kept in a notebook at most."""

INTERVAL = 0.2
"""Seconds between two pushes at least."""
LONGEST_INTERVAL = 5.0
"""Seconds between two reads of the store while nothing changes."""
SHARE = 0.006
"""The share of one core that pushes may take."""
READ_SHARE = 0.002
"""The share of one core that reads of the store may take, as long as they are not too far apart."""
SLOWEST = 2.0
"""Seconds between two reads at most while there is something new, so that a user who watches the run sees it move."""
SLOWEST_BESIDE = 10.0
"""The same for a run of this process, whose new points are pushed between two reads too."""
NEXT_INTERVAL = 2.0
"""The fewest seconds between two searches for the next run to follow."""
PATIENCE = 2.0
"""Seconds that the end of a cell waits for the last push."""


class LiveRun(RunTraits, ViewWidget):
    """A run while it is active: its name, status, params and growing curves, and its summary once it has ended.

    `%%track` shows one for each cell. A thread pushes the run's state to the browser until the run has ended.

    Args:
        client: Client of the store that has the run.
        run_id: ID of the run.
        following: Returns the ID of the run to show next, once the run has ended, or None if there is none yet. By
            default, no other run is shown.

    Attributes:
        run_id: ID of the run that is shown.

    Raises:
        NotFound: If the run does not exist.

    Example:
        >>> import nbtrack
        >>> from nbtrack.widgets import LiveRun
        >>> run = nbtrack.start_run()
        >>> LiveRun(nbtrack.Client(), run.info.run_id)  # doctest: +SKIP
    """

    screen = "live"

    def __init__(self, client: Client, run_id: str, following: Callable[[], str | None] | None = None) -> None:
        self._following = following
        self._finishing = threading.Event()
        self._is_changed = threading.Event()
        """Set by requests that change the run. What is pushed between two reads of the store lacks their changes."""
        self._deltas = Deltas()
        super().__init__(client, run_id)
        self._pusher = threading.Thread(target=self._push_all, name="nbtrack-live", daemon=True)
        self._pusher.start()

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen."""
        return self._snapshot_of(MAX_POINTS)

    def thin_snapshot(self, share: float = 1.0) -> Snapshot:
        """Read a state of the screen that is to be kept in a notebook.

        Args:
            share: How much of what is usually kept, between 0 and 1.

        Returns:
            The same as `snapshot`, with fewer rows and points.
        """
        kept = self._snapshot_of(part(SAVED_POINTS, share, 10), part(MOST_SERIES, min(1, 4 * share)))
        (name, answer), *_ = kept.answers.items()
        output = answer.reply["output"][-part(SAVED_LINES, share, 1) :]
        return replace(kept, answers={name: replace(answer, reply={**answer.reply, "output": output})})

    def ask(self, name: object, payload: Any) -> Answer:
        """Answer a request. A page that asks for the run may lack the points that pushes leave out."""
        if name == "live":
            self._deltas.whole()
            if self._following is not None and isinstance(payload, Mapping):
                # The page may not know yet that another run is shown.
                payload = {**payload, "run_id": self.run_id}
        answer = super().ask(name, payload)
        if views.view_of(name).writes:
            self._is_changed.set()
        return answer

    def finish(self) -> None:
        """Push the run's last state and save it in the notebook. Waits for about two seconds at most."""
        self._finishing.set()
        self._pusher.join(PATIENCE)
        self._output.update()

    def close(self) -> None:
        """Stop pushing and remove the screen from the notebook."""
        self._finishing.set()
        super().close()

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget."""
        return page_of_run(snapshot.answers["live"])

    def _snapshot_of(self, max_points: int, metrics: int = MOST_SERIES) -> Snapshot:
        answer = self.ask("live", {"run_id": self.run_id, "max_points": max_points, "limit": metrics})
        return Snapshot(self.screen, {"run_id": self.run_id, "view": self._panels_view}, {"live": answer})

    def _push_all(self) -> None:
        """Push the run's state until its end, and then that of the next one if there can be one."""
        self._push_until_end()
        while self._following is not None and self._await_next(self._following):
            self._push_until_end()

    def _await_next(self, following: Callable[[], str | None]) -> bool:
        """Wait until there is another run to show. Return whether there is one, and not the end of the widget."""
        pause = NEXT_INTERVAL
        while not self._finishing.wait(pause):
            began = time.thread_time()
            # The store may be locked for a while.
            with suppress(Exception):
                run_id = following()
                if run_id is not None and run_id != self.run_id:
                    self.set_trait("run_id", run_id)
                    self._deltas.whole()
                    return True
            pause = max(NEXT_INTERVAL, (time.thread_time() - began) / READ_SHARE)
        return False

    def _push_until_end(self) -> None:
        """Push the run's state when it has changed, until it has ended.

        A read of the store takes about as long as ten thousand log calls. So for a run of this process, the points that
        are logged between two reads come from the end of the journal.
        """
        feed = LiveFeed(self._client, self.run_id, MAX_POINTS)
        interval = pause = INTERVAL
        due = soonest = 0.0
        sent: object = None
        while True:
            last = self._finishing.wait(interval)
            began, clock = time.thread_time(), time.monotonic()
            is_read = last or clock >= (soonest if feed.is_behind else due)
            if self._is_changed.is_set():
                self._is_changed.clear()
                is_read = True
            changed = ended = False
            try:
                answer = self._state(feed, last) if is_read else feed.add()
                if answer is not None:
                    ended = answer.reply["run"]["status"] in RunStatus.ENDED
                    state = _without_clock(answer)
                    changed = state != sent
                    if changed:
                        self.push("live", self._deltas.push(answer))
                        sent = state
            except Exception as error:  # the store may be locked for a while: training continues, and so does this
                self._push_error(error)
                # Screens show the error until they get a state, also if nothing has changed.
                sent = None
            if last or ended:
                return
            cost = time.thread_time() - began
            interval = max(INTERVAL, min(cost / SHARE, SLOWEST))
            if is_read:
                slower = INTERVAL if changed else min(pause * 1.5, LONGEST_INTERVAL)
                pause = max(slower, min(cost / READ_SHARE, SLOWEST_BESIDE if feed.is_followed else SLOWEST))
                due, soonest = clock + pause, clock + min(pause, SLOWEST)
                interval = INTERVAL if feed.is_followed else pause

    def _state(self, feed: LiveFeed, last: bool) -> Answer:
        """Read the state of the run. The last one is read as a screen that is opened later reads it."""
        answer = feed.read(whole=last)
        if not last and answer.reply["run"]["status"] in RunStatus.ENDED:
            answer = feed.read(whole=True)
        return answer

    def _push_error(self, error: Exception) -> None:
        self._post({"kind": "nbtrack:push", "name": "live", "error": views.error_reply(error)})


def _without_clock(answer: Answer) -> object:
    return {key: value for key, value in answer.reply.items() if key != "now"}, answer.buffers

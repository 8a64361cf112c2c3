"""One run as it goes: the kernel pushes, because a request of the screen may have to wait until the cell has ended."""

from __future__ import annotations

import threading
import time
from typing import Any

import traitlets

from .. import views
from ..client import Client
from ..entities import RunStatus
from .host import ViewWidget
from .snapshot import Answer, Snapshot

MAX_POINTS = 1000
SAVED_POINTS = 200

INTERVAL = 0.5
"""Seconds between two looks at the store."""
LONGEST_INTERVAL = 5.0
"""Where nothing changes."""
SHARE = 0.05
"""Of one core, as long as a look costs less than a tenth of a second."""
SLOWEST = 2.0
"""Seconds between two looks where a look costs more: who watches a run wants to see it move."""
PATIENCE = 2.0
"""Seconds that the end of a cell waits for the last push."""


class LiveRun(ViewWidget):
    """Name, status, params and growing curves of a run; its summary when it has ended.

    Pushes to the browser from a thread of its own until the run ends. `finish()` brings the last state over.
    """

    bundle = "live"

    run_id = traitlets.Unicode(read_only=True)

    def __init__(self, client: Client, run_id: str) -> None:
        self.set_trait("run_id", run_id)
        self._shown: Any = None
        self._finishing = threading.Event()
        super().__init__(client)
        self._pusher = threading.Thread(target=self._push_until_end, name="nbtrack-live", daemon=True)
        self._pusher.start()

    def snapshot(self) -> Snapshot:
        return self._snapshot_of(MAX_POINTS)

    def thin_snapshot(self) -> Snapshot:
        return self._snapshot_of(SAVED_POINTS)

    def finish(self) -> None:
        """Push the run's last state, and keep it in the notebook. Waits about two seconds at most."""
        self._finishing.set()
        self._pusher.join(PATIENCE)
        if self._shown is not None:
            data, metadata = self._repr_mimebundle_() or ({}, {})
            self._shown.update(data, metadata=metadata, raw=True)

    def close(self) -> None:
        """Stop pushing, and take the view away."""
        self._finishing.set()
        super().close()

    def _ipython_display_(self, **_: Any) -> None:
        # A display id, so that the picture that stays in the notebook can become that of the ended run.
        from IPython.display import display

        data, metadata = self._repr_mimebundle_() or ({}, {})
        self._shown = display(data, metadata=metadata, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def _snapshot_of(self, max_points: int) -> Snapshot:
        answer = self.ask("live", {"run_id": self.run_id, "max_points": max_points})
        return Snapshot("live", {"run_id": self.run_id}, {"live": answer})

    def _push_until_end(self) -> None:
        sent: object = None
        interval = INTERVAL
        while True:
            last = self._finishing.wait(interval)
            began = time.thread_time()
            changed = ended = False
            try:
                answer = self.ask("live", {"run_id": self.run_id, "max_points": MAX_POINTS})
                state = _without_clock(answer)
                changed = state != sent
                if changed:
                    self.push("live", answer)
                    sent = state
                ended = answer.reply["run"]["status"] in RunStatus.ENDED
            except Exception as error:  # the store may be locked for a while: training goes on, and so do we
                self._push_error(error)
            if last or ended:
                return
            cost = time.thread_time() - began
            slower = INTERVAL if changed else min(interval * 1.5, LONGEST_INTERVAL)
            interval = max(slower, min(cost / SHARE, SLOWEST))

    def _push_error(self, error: Exception) -> None:
        self._post({"kind": "nbtrack:push", "name": "live", "error": views.error_reply(error)})


def _without_clock(answer: Answer) -> object:
    return {key: value for key, value in answer.reply.items() if key != "now"}, answer.buffers

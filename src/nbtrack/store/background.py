"""What goes on while a process logs: the journal to disk each second, and into the tables now and then.

So nobody's first read has it all to do, and a power cut takes a second's work at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

INTERVAL = 5.0
"""Seconds from one apply to the next, and …"""
AFTER_A_RUN = 1.0
"""… from the end of a run."""


class Background:
    """Calls `sync` and `apply` from a thread of its own until `stop`. Neither may raise, nor wait for a lock."""

    def __init__(self, apply: Callable[[], object], sync: Callable[[], object], seconds: float) -> None:
        self._apply = apply
        self._sync = sync
        self._seconds = seconds
        self._nudged = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nbtrack-apply", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Sync now and apply soon."""
        self._nudged.set()

    def stop(self) -> None:
        """End the thread, and wait for it: DuckDB must not be at work while the interpreter goes down."""
        self._stopped.set()
        self._nudged.set()
        self._thread.join(timeout=10.0)

    def _run(self) -> None:
        due, applied = time.monotonic() + INTERVAL, -INTERVAL
        while True:
            if self._nudged.wait(self._seconds):
                self._nudged.clear()
                # Not after each run of a sweep: eight of them would leave the readers no time between.
                due = max(min(due, time.monotonic() + AFTER_A_RUN), applied + INTERVAL)
            if self._stopped.is_set():
                return
            self._sync()
            if time.monotonic() >= due:
                self._apply()
                applied = time.monotonic()
                due = applied + INTERVAL

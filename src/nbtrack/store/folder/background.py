"""What goes on while a process logs: the journal to disk each second, and into the tables now and then.

So nobody's first read has it all to do, and a power cut takes a second's work at most.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable

INTERVAL = 5.0
"""Seconds from one apply to the next, and …"""
AFTER_A_RUN = 1.0
"""… from the end of a run."""

_running: weakref.WeakSet[Background] = weakref.WeakSet()


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
        _running.add(self)

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


def end_before_duckdb() -> None:
    """See to it that no thread is at work when the process comes to DuckDB's own end, which interrupts it.

    Python calls first what was registered last, and DuckDB registers itself where it is imported, long after us. Only
    the threads end so early: what the program does at its end can still log, and the store is closed after it.
    """
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)


def _stop_all() -> None:
    for background in list(_running):
        background.stop()


if hasattr(os, "register_at_fork"):
    # The parent's threads are not here, and their locks may have been held.
    os.register_at_fork(after_in_child=_running.clear)

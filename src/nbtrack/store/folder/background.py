"""The background thread that syncs the journal to disk each second, and applies it from time to time.

So the first read does not have to apply everything, and a power cut loses at most one second of data.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ...process_end import stop_before_duckdb

INTERVAL = 5.0
"""Seconds from one apply to the next."""
AFTER_A_RUN = 1.0
"""Seconds from the end of a run to the next apply."""


class Background:
    """A thread that calls `sync` and `apply` until `stop` is called. Neither may raise or wait for a lock."""

    def __init__(self, apply: Callable[[], object], sync: Callable[[], object], seconds: float) -> None:
        self._apply = apply
        self._sync = sync
        self._seconds = seconds
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nbtrack-apply", daemon=True)
        self._thread.start()
        stop_before_duckdb(self)

    def wake(self) -> None:
        """Sync now and apply soon."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread and wait for it, because DuckDB must not run while the interpreter exits."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(timeout=10.0)

    def _run(self) -> None:
        due, applied = time.monotonic() + INTERVAL, -INTERVAL
        while True:
            if self._woken.wait(self._seconds):
                self._woken.clear()
                # Keep the interval in a sweep: with eight processes, an apply after each run would block readers.
                due = max(min(due, time.monotonic() + AFTER_A_RUN), applied + INTERVAL)
            if self._stopped.is_set():
                return
            self._sync()
            if time.monotonic() >= due:
                self._apply()
                applied = time.monotonic()
                due = applied + INTERVAL

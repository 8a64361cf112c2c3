"""The background thread that syncs the journal to disk each second, and applies it from time to time.

So the first read does not have to apply everything, and a power cut loses at most one second of data.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

INTERVAL = 5.0
"""Seconds from one apply to the next."""
AFTER_A_RUN = 1.0
"""Seconds from the end of a run to the next apply."""


class Stoppable(Protocol):
    """A thread of a store, or what owns one."""

    def stop(self) -> None:
        """End the thread and wait for it."""
        ...


_running: weakref.WeakSet[Stoppable] = weakref.WeakSet()


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
        stop_at_end(self)

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


def stop_at_end(thread: Stoppable) -> None:
    """Stop a thread when the process ends, before the functions of the program that run then."""
    _running.add(thread)


def end_before_duckdb() -> None:
    """Make sure that the threads end before DuckDB's own exit function, which would interrupt them.

    Python calls exit functions in the reverse order of their registration, and DuckDB registers its own when it is
    imported, long after this module. Only the threads end this early. Exit functions of the program can still log, and
    the store is closed after them.
    """
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)


def _stop_all() -> None:
    for background in list(_running):
        background.stop()


if hasattr(os, "register_at_fork"):
    # The parent's threads do not exist in the child, and their locks may have been held.
    os.register_at_fork(after_in_child=_running.clear)

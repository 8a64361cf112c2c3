"""Applying the journal now and then while a process logs, so that nobody's first read has it all to do."""

from __future__ import annotations

import threading
from collections.abc import Callable

INTERVAL = 5.0
"""Seconds from one look to the next, and …"""
AFTER_A_RUN = 1.0
"""… from the end of a run."""


class Background:
    """Calls `apply` from a thread of its own until `stop`. `apply` must not raise, and must not wait for a lock."""

    def __init__(self, apply: Callable[[], object]) -> None:
        self._apply = apply
        self._nudged = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nbtrack-apply", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Apply soon."""
        self._nudged.set()

    def stop(self) -> None:
        """End the thread, and wait for it: DuckDB must not be at work while the interpreter goes down."""
        self._stopped.set()
        self._nudged.set()
        self._thread.join(timeout=10.0)

    def _run(self) -> None:
        while True:
            if self._nudged.wait(INTERVAL):
                self._stopped.wait(AFTER_A_RUN)
                self._nudged.clear()
            if self._stopped.is_set():
                return
            self._apply()

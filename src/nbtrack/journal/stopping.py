"""Stopping a run: which threads have noticed the request."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from ..entities import StopRequest
from ..errors import RunStopped

_local = threading.local()


@contextmanager
def without_stopping() -> Iterator[None]:
    """Let no log call of this thread raise RunStopped within the block.

    It is for code that logs on behalf of nbtrack and not of the training: sampling threads, screens, the end of a run.
    """
    _local.depth = getattr(_local, "depth", 0) + 1
    try:
        yield
    finally:
        _local.depth -= 1


class Stop:
    """A request to stop a run in this process, and who has noticed it.

    Args:
        request: The request.
        run_id: The run that stops.
        run_name: The name of the run.
    """

    def __init__(self, request: StopRequest, run_id: str, run_name: str) -> None:
        self.request = request
        self.is_noticed = False
        """Whether the training knows. A run that ends before that has not been stopped."""
        self._error = (run_id, run_name, request.by, request.reason)
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._process = os.getpid()

    def check(self) -> None:
        """Raise RunStopped, but only once in each thread: its `finally` blocks can still log.

        A forked child is not interrupted, because a pool waits forever for a task that ends with such an exception.
        """
        thread = threading.current_thread()
        if getattr(_local, "depth", 0) or thread in self._threads or os.getpid() != self._process:
            return
        self.notice()
        raise RunStopped(*self._error)

    def notice(self) -> None:
        """Note that this thread knows of the request, and stops by itself."""
        self._threads.add(threading.current_thread())
        self.is_noticed = True

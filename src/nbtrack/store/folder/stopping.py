"""Requests to stop runs: small files that any process can write, and a thread that looks for them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...entities import StopRequest
from ...names import new_id, storable
from ...process_end import stop_before_duckdb

INTERVAL = 0.5
"""Seconds between two looks while runs of this process are active."""
_LARGEST_FILE = 64 * 1024
_LONGEST = 2_000


class StopFiles:
    """The requests to stop runs of a store, one file for each run.

    A file has the digest of the run's ID as its name, because an ID can be any string. What the files contain is not
    trusted, because everybody who can write to the store can write them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, run_id: str, request: StopRequest) -> None:
        """Write a request. A reader sees all of it or nothing. Raises OSError."""
        self._folder.mkdir(exist_ok=True)
        path = self._path(run_id)
        partial = path.with_suffix(f".{new_id()}")
        content = {"run_id": run_id, "by": request.by, "reason": request.reason, "time": request.time}
        try:
            partial.write_text(json.dumps(content), "utf-8")
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def find(self, run_id: str) -> StopRequest | None:
        """Return the request for a run, or None."""
        found = _read(self._path(run_id))
        return found[1] if found is not None and found[0] == run_id else None

    def all(self) -> dict[str, StopRequest]:
        """Return the requests by the IDs of their runs."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return {}
        found = [_read(self._folder / name) for name in names if name.endswith(".json")]
        return dict(one for one in found if one is not None)

    def delete(self, run_id: str) -> None:
        """Delete the request for a run, if there is one."""
        with suppress(OSError):
            self._path(run_id).unlink()

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{hashlib.sha256(run_id.encode()).hexdigest()[:32]}.json"


def bounded(request: StopRequest) -> StopRequest:
    """Return a request as a file keeps it, with strings of at most 2,000 characters that every store can keep."""
    return StopRequest(storable(request.by[:_LONGEST]), storable(request.reason[:_LONGEST]), request.time)


def _read(path: Path) -> tuple[str, StopRequest] | None:
    """Return the run and the request of a file, or None if it is not one."""
    # The path may be a link or a named pipe, whose opening would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = json.loads(os.read(descriptor, _LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(descriptor)
    if not isinstance(content, dict):
        return None
    run_id, by, reason, time = (content.get(key) for key in ("run_id", "by", "reason", "time"))
    if not (isinstance(run_id, str) and isinstance(by, str) and isinstance(reason, str) and type(time) is int):
        return None
    # No run has an ID that no store can keep.
    return (run_id, bounded(StopRequest(by, reason, time))) if run_id == storable(run_id) else None


class StopWatch:
    """A thread that calls `look` every half second, until `look` returns False. `wake` lets it start again."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._woken = threading.Event()
        self._is_closed = False
        self._is_active = True
        self._thread = threading.Thread(target=self._run, name="nbtrack-stop", daemon=True)
        self._thread.start()
        stop_before_duckdb(self)

    def wake(self) -> None:
        """Look from now on, because a run has started."""
        if not self._is_active:
            self._woken.set()

    def stop(self) -> None:
        """End the thread and wait for it. A look takes far less than a second."""
        self._is_closed = True
        self._woken.set()
        self._thread.join(timeout=10.0)

    def _run(self) -> None:
        while not self._is_closed:
            # Before the look: a run that starts after it sets the event.
            self._is_active = False
            is_active = True
            with suppress(Exception, KeyboardInterrupt):
                is_active = self._look()
            self._is_active = is_active
            self._woken.wait(INTERVAL if self._is_active else None)
            self._woken.clear()

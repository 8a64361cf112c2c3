"""The run that the process above this one is in, so that a worker process finds the run that it works for.

A process notes the active run of its main thread in a small file of its own in the temp folder, and takes the file away
when the run has ended. A worker looks at the processes above it, the nearest first: so it does not matter how it was
started (spawn, fork server, loky, a shell), nor that a pool of workers lives longer than one run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import config
from ..journal.process import Process
from ..process_end import at_process_end

PREFIX = "nbtrack-active-"
FARTHEST = 8
"""Processes that are looked at; between a worker and its run are a pool, a server of forks, a shell."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A run of another process; where its store or its experiment is None, nothing but its id is known."""

    run_id: str
    store: str | None = None
    experiment_id: str | None = None


def parent_run() -> Parent | None:
    """The run that NBTRACK_PARENT_RUN_ID names, else the active run of the nearest process above that has one.

    A run in another store than the one that a call or the environment names here is none of ours.
    """
    if named := config.environment("PARENT_RUN_ID"):
        return Parent(named)
    for pid in _above():
        found = _noted(pid)
        if found is not None:
            elsewhere = config.is_tracking_uri_set() and not _same(config.get_tracking_uri(), str(found.store))
            return None if elsewhere else found
    return None


def note(parent: Parent | None) -> None:
    """Let the processes below this one know which run they work for; None where there is none any more.

    Never raises: without a temp folder they are told by an argument or by the environment.
    """
    global _noted_by
    with contextlib.suppress(OSError):
        path = _path(os.getpid())
        if parent is None:
            if _noted_by == os.getpid():
                path.unlink(missing_ok=True)
            return
        if _noted_by != os.getpid():
            _noted_by = os.getpid()
            _sweep()
        text = json.dumps({"process": _described(os.getpid()), **asdict(parent)})
        # Replaced, not written over: a worker never reads half of it.
        partial = path.with_name(f"{path.name}.{threading.get_ident()}")
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
        os.replace(partial, path)


_noted_by = 0
"""The process that wrote a note; a forked child has none of its own yet."""


@cache
def _described(pid: int) -> dict[str, Any]:
    """This process; a forked child asks anew, for it has another number."""
    return Process.current().to_dict()


def _noted(pid: int) -> Parent | None:
    try:
        path = _path(pid)
        if not _is_mine(path):
            return None
        process, parent = _read(path)
        return parent if process.pid == pid and process.is_alive() else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _read(path: Path) -> tuple[Process, Parent]:
    fields: dict[str, Any] = json.loads(path.read_text())
    return Process.from_dict(fields.pop("process")), Parent(**fields)


def _above() -> list[int]:
    """The processes above this one, the nearest first."""
    found = [os.getppid()]
    while found[-1] > 1 and len(found) < FARTHEST:
        found.append(_parent_of(found[-1]))
    return [pid for pid in found if pid > 0]


def _parent_of(pid: int) -> int:
    if sys.platform == "linux":
        try:
            # The second field is the program's name in parentheses, which may hold anything.
            return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return 0
    import psutil

    try:
        return int(psutil.Process(pid).ppid())
    except psutil.Error:
        return 0


def _path(pid: int) -> Path:
    return Path(tempfile.gettempdir()) / f"{PREFIX}{pid}"


def _is_mine(path: Path) -> bool:
    """Anybody can write to the temp folder: a note that counts is a file of this user's."""
    status = path.lstat()
    return not path.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def _sweep() -> None:
    """Take away the notes of processes that ended without doing so themselves."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            if _is_mine(path) and _read(path)[0].is_dead():
                path.unlink()


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


@at_process_end
def _forget() -> None:
    note(None)

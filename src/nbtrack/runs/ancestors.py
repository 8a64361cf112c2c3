"""Finds the active run of an ancestor process, so that a worker process finds the run that it works for.

A process writes the active run of its main thread to a note, a small file of its own in the temp folder, and deletes
the note when the run has ended. A worker reads the notes of its ancestors, the nearest first. So it does not matter how
the worker was started (spawn, fork server, loky, a shell), and a pool of workers can live longer than one run.

The command of a project gets the project's run in an environment variable. For the command and its children, that run
stands between their own runs and those of the process that launched the project.
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
MAX_ANCESTORS = 8
"""How many ancestors are checked. A pool, a fork server and a shell can be between a worker and its run."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A run of another process. If the store or the experiment is None, only the ID is known."""

    run_id: str
    store: str | None = None
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectRun:
    """The run of a project, and the process that launched its command."""

    run: Parent
    launcher: int
    is_notebook: bool = False
    """Whether the entry point is a notebook, each tracked cell of which is a nested run."""

    def to_environment(self) -> str:
        """Return the value of the environment variable for the command."""
        # In a container, the store has another path, which its own variable has.
        described = {**asdict(self.run), "launcher": self.launcher, "is_notebook": self.is_notebook}
        return json.dumps({key: value for key, value in described.items() if key != "store"})


PROJECT_RUN = "PROJECT_RUN"


def project_run() -> ProjectRun | None:
    """Return the run of the project that this process belongs to, or None."""
    described = config.environment(PROJECT_RUN)
    if not described:
        return None
    try:
        fields: dict[str, Any] = json.loads(described)
        launcher, is_notebook = int(fields.pop("launcher")), bool(fields.pop("is_notebook"))
        return ProjectRun(Parent(store=config.environment("TRACKING_URI"), **fields), launcher, is_notebook)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def parent_run() -> Parent | None:
    """Return the run that this process works for, or None.

    This is the run that NBTRACK_PARENT_RUN_ID names, or the active run of the nearest ancestor that has one, or the run
    of the project that the process belongs to. A run in another store than the one that this process has set does not
    count.
    """
    if named := config.environment("PARENT_RUN_ID"):
        return Parent(named)
    project = project_run()
    found = None
    for pid in _ancestor_pids():
        if project is not None and pid == project.launcher:
            break
        found = _noted_run(pid)
        if found is not None:
            break
    if found is None and project is not None:
        found = project.run
    if found is not None and config.is_tracking_uri_set() and not _same(config.get_tracking_uri(), str(found.store)):
        return None
    return found


def write_note(parent: Parent | None) -> None:
    """Write the note that tells worker processes which run they work for; None deletes it.

    Raises nothing. Without a temp folder, workers get the run from an argument or from the environment.
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
        content = json.dumps({"process": _described(os.getpid()), **asdict(parent)})
        # The note is replaced instead of overwritten, so that a worker never reads half of it.
        partial = path.with_name(f"{path.name}.{threading.get_ident()}")
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            os.write(fd, content.encode())
        finally:
            os.close(fd)
        os.replace(partial, path)


_noted_by = 0
"""The ID of the process that wrote a note. A forked child has not written its own yet."""


@cache
def _described(pid: int) -> dict[str, Any]:
    """Return a description of this process. `pid` is the cache's key, because a forked child has another one."""
    return Process.current().to_dict()


def _noted_run(pid: int) -> Parent | None:
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


def _ancestor_pids() -> list[int]:
    """Return the IDs of the ancestor processes, the nearest first."""
    found = [os.getppid()]
    while found[-1] > 1 and len(found) < MAX_ANCESTORS:
        found.append(_parent_of(found[-1]))
    return [pid for pid in found if pid > 0]


def _parent_of(pid: int) -> int:
    if sys.platform == "linux":
        try:
            # The second field is the name of the program in parentheses, which can contain any character.
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
    """Return whether a note is a file of this user, because every user can write to the temp folder."""
    status = path.lstat()
    return not path.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def _sweep() -> None:
    """Delete the notes of processes that ended without deleting them."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            if _is_mine(path) and _read(path)[0].is_dead():
                path.unlink()


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


@at_process_end
def _delete_note() -> None:
    write_note(None)

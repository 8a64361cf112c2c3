"""Identifies the process that writes a journal, and checks whether it is still alive."""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Its start time distinguishes it from a later process with the same pid."""

    host: str
    boot: str
    namespace: str
    pid: int
    started: float
    """Clock ticks since boot on Linux, epoch seconds elsewhere. Setting the clock changes neither. 0.0 if unknown."""

    @classmethod
    def current(cls) -> Process:
        return cls(socket.gethostname(), _boot_id(), _pid_namespace(), os.getpid(), _started(os.getpid()) or 0.0)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Process:
        return cls(
            str(values.get("host", "")),
            str(values.get("boot", "")),
            str(values.get("namespace", "")),
            int(values.get("pid", 0)),
            float(values.get("started", 0.0)),
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def is_dead(self) -> bool:
        """Return True if the process has certainly ended, False in doubt (another machine or container)."""
        if self.host != socket.gethostname() or self.namespace != _pid_namespace():
            return False
        if self.boot != _boot_id():
            return True
        started = _started(self.pid)
        if started is None:
            return True
        return bool(self.started) and bool(started) and started != self.started

    def is_alive(self) -> bool:
        """Return True if the process is certainly running: on this machine, and visible from this process."""
        here = Process.current()
        return (self.host, self.boot, self.namespace) == (here.host, here.boot, here.namespace) and not self.is_dead()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@functools.cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    """Return the pid namespace. Containers can share a host name and still have pids of their own."""
    if sys.platform != "linux":
        return ""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> float | None:
    """Return when the process started, or None if no process has this pid."""
    if sys.platform == "linux":
        return _started_on_linux(pid)
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:
        return 0.0


def _started_on_linux(pid: int) -> float | None:
    """Read the start time from /proc. psutil adds the boot time to it, which changes whenever the clock is set."""
    try:
        # The second field is the program's name in parentheses, which may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None if _is_gone(pid) else 0.0
    return None if fields[0] in (b"Z", b"X") else float(fields[19])


def _is_gone(pid: int) -> bool:
    """Return whether no process has this pid. A signal also finds processes of other users that /proc hides."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False

"""Appending to this process's journal: one encoded line, one write()."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import orjson

from ..errors import StoreNotWritable
from ..names import new_id
from .process import Process

FORMAT = 1
ROTATE_BYTES = 64 * 1024 * 1024
"""A file that has grown to this is closed and a new one begun, so that what is applied can be removed."""


class Journal:
    """The journal of this process in one store.

    `append` returns when the kernel has the bytes: they survive the death of the process (not that of the machine).
    Where the disk is full or gone away, it keeps them in memory, warns once, and writes them, in order, as soon as a
    later call finds room: a training loop never sees an exception.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = new_id()
        self._lock = threading.Lock()
        self._part = 0
        self._kept = bytearray()
        self._fd = self._open()

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self.folder / f"{self.writer}-{self._part:04d}.jsonl"

    @property
    def unwritten(self) -> int:
        """Bytes that wait in memory because the disk did not take them."""
        return len(self._kept)

    def append(self, lines: bytes) -> None:
        """Write whole lines, each ended by a newline."""
        with self._lock:
            if not self._kept:
                try:
                    done = os.write(self._fd, lines)
                except OSError as error:
                    self._keep(lines, error)
                else:
                    self._size += done
                    if done < len(lines):
                        self._keep(lines[done:], None)
                    elif self._size > ROTATE_BYTES:
                        self._rotate()
                return
            self._kept += lines
            self._drain()

    def flush(self) -> bool:
        """Try again to write what waits in memory; True where nothing is left."""
        with self._lock:
            self._drain()
            return not self._kept

    def close(self) -> None:
        """Say that this process ended in good order, and give the file back."""
        self.append(event("close", t=now()))
        with self._lock:
            if self._kept:
                warnings.warn(
                    f"nbtrack could not write {len(self._kept):,} bytes of logged data to {self.path}; they are lost.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._close()

    def is_deleted(self) -> bool:
        """Whether somebody has removed the file that is being written."""
        with self._lock:
            return self._fd < 0 or os.fstat(self._fd).st_nlink == 0

    def abandon(self) -> None:
        """Give a deleted file back."""
        with self._lock:
            self._kept.clear()
            self._close()

    def _close(self) -> None:
        # A late call of another thread must not write to a descriptor that is somebody else's by now.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _open(self) -> int:
        try:
            self.folder.mkdir(exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StoreNotWritable(
                f"Cannot write to the store: {error.strerror} ({self.path}). "
                "Free or grant the space and permission, or name another folder with set_tracking_uri."
            ) from error
        header = event("open", t=now(), x=self.writer, d={"format": FORMAT, **Process.current().to_dict()})
        try:
            written = os.write(fd, header)
        except OSError as error:
            written, reason = 0, error.strerror
        else:
            reason = "the disk is full"
        if written < len(header):
            os.close(fd)
            self.path.unlink(missing_ok=True)
            raise StoreNotWritable(f"Cannot write to the store: {reason} ({self.path}). Free some space and try again.")
        self._size = written
        return fd

    def _rotate(self) -> None:
        """Called with the lock held. A file that cannot be opened now is tried again when the next line is due."""
        self._part += 1
        try:
            fd = self._open()
        except StoreNotWritable:
            self._part -= 1
            self._size = 0
            return
        with contextlib.suppress(OSError):
            os.write(self._fd, event("close", t=now()))
        os.close(self._fd)
        self._fd = fd

    def _keep(self, lines: bytes, error: OSError | None) -> None:
        self._kept += lines
        reason = error.strerror if error else "the disk is full"
        warnings.warn(
            f"nbtrack cannot write to {self.path}: {reason}. What is logged is kept in memory and written when there "
            "is room again.",
            RuntimeWarning,
            stacklevel=4,
        )

    def _drain(self) -> None:
        while self._kept:
            try:
                done = os.write(self._fd, self._kept)
            except OSError:
                return
            del self._kept[:done]


def event(kind: str, **fields: Any) -> bytes:
    """One encoded line."""
    return orjson.dumps({"e": kind, **fields}, option=orjson.OPT_APPEND_NEWLINE)


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000

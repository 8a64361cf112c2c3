"""Keeps lines while the journal cannot be written, in a rescue file in another folder or else in memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "nbtrack-rescue-"

_PIECE = 1 << 20


class Detour:
    """The waiting lines in order: first those in the rescue file, then those in memory.

    A rescue file outlives the process, as a journal does, so logged data survives `kill -9` also while the disk is
    full. It begins with `header`, so that `nbtrack doctor` can tell which store it belongs to.
    """

    def __init__(self, name: str, header: bytes) -> None:
        self._name = name
        self._header = header
        self._fd = -1
        self._memory = bytearray()
        self._written = 0
        self.path: Path | None = None
        """The rescue file, or None if there is none."""

    @property
    def size(self) -> int:
        """The number of waiting bytes."""
        return self._written + len(self._memory)

    @property
    def in_memory(self) -> int:
        """The number of waiting bytes that would be lost with the process."""
        return len(self._memory)

    def append(self, lines: bytes) -> None:
        """Add whole lines. Never raises."""
        self._memory += lines
        if self._fd >= 0 or self.path is None:
            self.spill()

    def spill(self) -> None:
        """Move the lines in memory into the rescue file, as far as possible."""
        if not self._memory or (self._fd < 0 and not self._open()):
            return
        with contextlib.suppress(OSError):
            del self._memory[: self._write(self._memory)]

    def content(self) -> Iterator[bytes]:
        """Yield everything that waits, in pieces."""
        if self.path is not None and self._written:
            with self.path.open("rb") as file:
                file.seek(len(self._header))
                left = self._written
                while left and (piece := file.read(min(left, _PIECE))):
                    left -= len(piece)
                    yield piece
        if self._memory:
            yield bytes(self._memory)

    def discard(self) -> None:
        """Delete the rescue file, because its lines are stored elsewhere now."""
        path, self.path = self.path, None
        self.close()
        self._memory.clear()
        self._written = 0
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _open(self) -> bool:
        for folder in _folders():
            path = folder / self._name
            try:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except OSError:
                continue
            with contextlib.suppress(OSError):
                if os.write(fd, self._header) == len(self._header):
                    self._fd, self.path = fd, path
                    return True
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
        return False

    def _write(self, lines: bytearray) -> int:
        """Write as many whole lines as there is room for, and return their size in bytes."""
        done = os.write(self._fd, lines)
        if done < len(lines):
            done = whole_lines(self._fd, lines, done)
        self._written += done
        return done


def whole_lines(fd: int, lines: bytes | bytearray, done: int) -> int:
    """Truncate a file to whole lines after a write that stopped after `done` bytes. Return how many of these remain.

    Readers take whole lines only, so no reader has seen the bytes that are removed.
    """
    whole = lines.rfind(b"\n", 0, done) + 1
    with contextlib.suppress(OSError):
        os.ftruncate(fd, os.lseek(fd, 0, os.SEEK_CUR) - (done - whole))
    return whole


def _folders() -> list[Path]:
    """Return the folders for a rescue file, the best first."""
    found = []
    with contextlib.suppress(OSError):
        found.append(Path(tempfile.gettempdir()))
    with contextlib.suppress(RuntimeError):
        found.append(Path.home())
    return found

"""What a project prints: shown while it comes, and kept in a file of bounded size."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections import deque
from pathlib import Path
from typing import TextIO

FIRST_BYTES = 8 * 1024 * 1024
"""How much of the beginning of the output is kept."""
LAST_BYTES = 8 * 1024 * 1024
"""How much of the end of the output is kept, if there is more than the beginning."""
RECENT_BYTES = 16 * 1024
"""How much of the end of the output explains why a command failed."""


class OutputFile:
    """A file with the output of a command. The middle of a long output is left out, and the file says how much.

    Args:
        path: The file, which is created.
        first: How many bytes of the beginning are kept.
        last: How many bytes of the end are kept.
    """

    def __init__(self, path: Path, first: int = FIRST_BYTES, last: int = LAST_BYTES) -> None:
        self.path = path
        self._file = path.open("wb", buffering=0)
        self._room = first
        self._most = last
        self._last: deque[bytes] = deque()
        self._size = 0
        self._recent = b""
        self.is_broken = False
        """Whether the file could not be written, so that nothing more is added to it."""
        self.left_out = 0
        """How many bytes are not in the file. It is final after `close`."""

    def write(self, data: bytes) -> None:
        """Add the next piece of the output."""
        self._recent = (self._recent + data[-RECENT_BYTES:])[-RECENT_BYTES:]
        if self._room:
            kept, data = data[: self._room], data[self._room :]
            self._file.write(kept)
            self._room -= len(kept)
        if data:
            self._last.append(data)
            self._size += len(data)
            while self._size - len(self._last[0]) >= self._most:
                self._size -= len(self._last[0])
                self.left_out += len(self._last.popleft())

    def close(self) -> None:
        """Write the end of the output, after a line that says how much was left out before it."""
        if self._file.closed:
            return
        rest = b"".join(self._last)
        if self.left_out or len(rest) > self._most:
            start = max(0, len(rest) - self._most)
            # The end begins with a whole line, unless the lines are very long.
            start = max(start, rest.find(b"\n", start, start + self._most // 2) + 1)
            self.left_out += start
            rest = f"\n[nbtrack left out {self.left_out:,} bytes of the output here]\n".encode() + rest[start:]
        with self._file:
            self._file.write(rest)
        self._last.clear()

    @property
    def recent(self) -> str:
        """The last lines of the output so far."""
        return self._recent.decode(errors="replace")


class Screen:
    """Shows output on a text stream as it comes, byte by byte where the stream takes bytes.

    Bytes that are not UTF-8 are passed on to a terminal or a file, and replaced elsewhere. If the stream is closed, the
    output is no longer shown, and the command goes on.

    Args:
        stream: Where the output is shown.
        limit: The most bytes to show, because a browser with a notebook takes only so much. None stands for all.
    """

    def __init__(self, stream: TextIO, limit: int | None = None) -> None:
        self._stream: TextIO | None = stream
        self._bytes = getattr(stream, "buffer", None)
        if self._bytes is not None:
            # Earlier messages are in the buffer of the text stream, which is above that of the bytes.
            stream.flush()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._room = limit
        self._ends_line = True
        self._hidden = 0
        self._recent = b""

    def write(self, data: bytes) -> None:
        """Show the next piece of the output."""
        if self._room is not None:
            data, rest = data[: self._room], data[self._room :]
            self._room -= len(data)
            if rest and not self._hidden:
                self._show(data)
                data = b"\n[nbtrack shows the rest of a long output only at its end]\n"
            self._hidden += len(rest)
            self._recent = (self._recent + rest[-RECENT_BYTES:])[-RECENT_BYTES:]
        self._show(data)

    def close(self) -> None:
        """Show what is left, and end an unfinished line, so that the next message begins on its own."""
        if self._recent:
            lines = self._recent.partition(b"\n")[2] if len(self._recent) == RECENT_BYTES else self._recent
            self._show(lines or self._recent)
        if self._bytes is None:
            self._show_text(self._decoder.decode(b"", final=True))
        if not self._ends_line:
            self._show(b"\n")

    def _show(self, data: bytes) -> None:
        if not data:
            return
        self._ends_line = data.endswith(b"\n")
        if self._bytes is None:
            self._show_text(self._decoder.decode(data))
            return
        try:
            self._bytes.write(data)
            self._bytes.flush()
        except (OSError, ValueError) as error:
            self._close(error)

    def _show_text(self, text: str) -> None:
        if self._stream is None or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._close(error)

    def _close(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError) and self._stream is not None:
            # The interpreter would report an error when it writes the rest of the buffer at its end.
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)
        self._stream = self._bytes = None


def show(message: str) -> None:
    """Print a message about a project to stderr. If nobody reads it any more, the run goes on without it."""
    with contextlib.suppress(OSError, ValueError):
        print(f"nbtrack: {message}", file=sys.stderr, flush=True)

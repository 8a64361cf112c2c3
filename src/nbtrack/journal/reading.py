"""The reading side of the journal: which files there are, their whole lines from an offset on, and when one is done.

A store remembers an offset for each file and takes the whole lines after it. A torn last line waits for its rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import events
from .syncing import sync_folder
from .writer import RETURNED

CHUNK_BYTES = 64 * 1024 * 1024
"""The most that is read at once, so that memory stays bounded however long nobody has read."""

_LAST_LINE = 64
"""Bytes that the event that closes a file fits into."""


@dataclass(slots=True)
class Segment:
    """Whole lines of one file, from the byte `start` on."""

    path: Path
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass(slots=True)
class Finished:
    """A file that nobody writes any more."""

    dead: events.Header | None
    """Its writer, if that died without closing the file."""
    torn: bytes
    """What a dead writer left of its last line. Its call never returned, so nothing is missing."""
    last_written: int
    """When, in milliseconds since the epoch."""


class JournalFolder:
    """The journal files of a store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """Return the files, those of one writer in the order that it wrote them in."""
        return sorted(self.path.glob("*.jsonl"))

    def writers(self) -> set[str]:
        """Return the IDs of those that have files here."""
        return {writer_of(path) for path in self.files()}

    def sizes(self) -> dict[Path, int]:
        """Return the bytes of each file as of now. A reader stops there, or a busy writer would keep it reading."""
        # A listing is no snapshot. It can have a writer's newest file and not the one before, if both came meanwhile;
        # but what was there when the first listing ended is in the second.
        newest = {writer_of(path): path.name for path in self.files()}
        sizes = {}
        for path in self.files():
            if path.name <= newest.get(writer_of(path), ""):
                with suppress(FileNotFoundError):
                    sizes[path] = path.stat().st_size
        return sizes

    def segments(self, sizes: Mapping[Path, int], offsets: Mapping[str, int]) -> list[Segment]:
        """Return whole lines after these offsets and within these sizes, about CHUNK_BYTES at most.

        Call it again with the new offsets until it returns nothing.
        """
        return list(self._segments(sizes, offsets))

    def _segments(self, sizes: Mapping[Path, int], offsets: Mapping[str, int]) -> Iterator[Segment]:
        room = CHUNK_BYTES
        for path, size in sizes.items():
            start = offsets.get(path.name, 0)
            if size <= start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(min(room, size - start))
                whole = data.rfind(b"\n") + 1
                if not whole and len(data) == room:
                    # One line is longer than a chunk.
                    data += file.readline()
                    whole = len(data) if data.endswith(b"\n") else 0
            if whole:
                yield Segment(path, start, data[:whole])
            room -= len(data)
            if room <= 0:
                # Not a line of a later file before the rest of this one: they may have the same writer.
                return

    def forgettable(self, gone: Iterable[str]) -> list[str]:
        """Return which of these files' offsets can be forgotten, once the disk itself has them no more.

        `gone` are names of files that were removed. The other order could apply a file again.
        """
        # That of a rescue file that came back is kept: see RETURNED.
        names = [name for name in gone if not name.endswith(RETURNED)]
        if names:
            # The database syncs its commits, so after a power cut the file could be back and the offset not.
            sync_folder(self.path)
        return names


def finished(path: Path, applied: int) -> Finished | None:
    """Return what a file leaves behind whose lines are all applied and whose writer is done, or None for any other.

    Args:
        path: A file of the journal.
        applied: How many of its bytes the store has applied.
    """
    with path.open("rb") as file:
        header = events.header(file.readline())
        file.seek(max(applied - _LAST_LINE, 0))
        tail = file.read()
    last, rest = tail[: min(applied, _LAST_LINE)], tail[min(applied, _LAST_LINE) :]
    written = int(path.stat().st_mtime * 1000)
    # A thread may have logged on after its process said that it was done.
    if not rest and events.is_closed(last.rstrip(b"\n").rpartition(b"\n")[2]):
        return Finished(None, b"", written)
    # If there are whole lines, they came between the last reading and the writer's death: the next one takes them.
    if header is None or not header.process.is_dead() or b"\n" in rest:
        return None
    return Finished(header, rest, written)


def lines(segments: Iterable[Segment]) -> Iterator[tuple[str, int, bytes]]:
    """Yield each line that is not blank: the name of its file, its position in bytes, and itself."""
    for segment in segments:
        position = segment.start
        for line in segment.data.split(b"\n")[:-1]:
            if line.strip():
                yield segment.path.name, position, line
            position += len(line) + 1


def lines_of(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a file after `offset`, each with its newline, without those that are blank."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n") and line.strip():
                yield line


def header_of(path: Path) -> events.Header | None:
    """Return what the first line of a file says, or None if it is not a header."""
    with path.open("rb") as file:
        return events.header(file.readline())


def writer_of(path: Path) -> str:
    """Return the ID of the writer of a file, from the file's name."""
    return path.name.rpartition("-")[0]


def end_line(path: Path) -> int:
    """End the line that a file breaks off in, so that the next one is not spoiled. Return the size of the file."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                size += file.write(b"\n")
    return size

"""Reads the journal: its files, their whole lines after an offset, and whether a file is finished.

A store remembers an offset for each file and reads the whole lines after it. An incomplete last line is left for later.
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
"""The most bytes read at once, so that memory stays bounded however much has accumulated."""

_LAST_LINE = 64
"""The event that closes a file fits into this many bytes."""


@dataclass(slots=True)
class Segment:
    """Whole lines of one file, beginning at the byte `start`."""

    path: Path
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass(slots=True)
class Finished:
    """A file that no process writes any more."""

    dead: events.Header | None
    """Its writer, if it died without closing the file."""
    torn: bytes
    """The incomplete last line of a dead writer. The log call never returned, so no acknowledged data is missing."""
    last_written: int
    """When, in milliseconds since the epoch."""


class JournalFolder:
    """The journal files of a store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """Return the files, those of one writer in the order in which it wrote them."""
        return sorted(self.path.glob("*.jsonl"))

    def writers(self) -> set[str]:
        """Return the IDs of the writers that have files here."""
        return {writer_of(path) for path in self.files()}

    def sizes(self) -> dict[Path, int]:
        """Return the current size of each file. A reader stops there, or a busy writer would keep it reading."""
        # A listing is not a snapshot. If a writer creates two files during it, it can contain the newer one without
        # the older one. But the second listing contains every file that existed when the first one ended.
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
                    # A single line is longer than a chunk.
                    data += file.readline()
                    whole = len(data) if data.endswith(b"\n") else 0
            if whole:
                yield Segment(path, start, data[:whole])
            room -= len(data)
            if room <= 0:
                # The rest of this file must come before a later file, which may have the same writer.
                return

    def forgettable(self, gone: Iterable[str]) -> list[str]:
        """Return the removed files whose offsets can be forgotten, after the disk has recorded their removal.

        `gone` are the names of the removed files. In the opposite order, a file could be applied again.
        """
        # The offset of a rescue file that came back is kept: see RETURNED.
        names = [name for name in gone if not name.endswith(RETURNED)]
        if names:
            # The database syncs its commits, so after a power cut the file could exist again without its offset.
            sync_folder(self.path)
        return names


def finished(path: Path, applied: int) -> Finished | None:
    """Describe a file whose writer is done and whose lines are all applied. Return None for any other file.

    Args:
        path: A file of the journal.
        applied: The number of its bytes that the store has applied.
    """
    with path.open("rb") as file:
        header = events.header(file.readline())
        file.seek(max(applied - _LAST_LINE, 0))
        tail = file.read()
    last, rest = tail[: min(applied, _LAST_LINE)], tail[min(applied, _LAST_LINE) :]
    written = int(path.stat().st_mtime * 1000)
    # A thread may have continued to log after its process had closed the file.
    if not rest and events.is_closed(last.rstrip(b"\n").rpartition(b"\n")[2]):
        return Finished(None, b"", written)
    # Whole lines in the rest came between the last reading and the writer's death. The next reading takes them.
    if header is None or not header.process.is_dead() or b"\n" in rest:
        return None
    return Finished(header, rest, written)


def lines(segments: Iterable[Segment]) -> Iterator[tuple[str, int, bytes]]:
    """Yield each line that is not blank, as the name of its file, its position in bytes, and the line."""
    for segment in segments:
        position = segment.start
        for line in segment.data.split(b"\n")[:-1]:
            if line.strip():
                yield segment.path.name, position, line
            position += len(line) + 1


def lines_of(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a file after `offset`, each with its newline, without blank lines."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n") and line.strip():
                yield line


def header_of(path: Path) -> events.Header | None:
    """Return the header of a file, or None if its first line is not a header."""
    with path.open("rb") as file:
        return events.header(file.readline())


def writer_of(path: Path) -> str:
    """Return the ID of the writer of a file, from the file's name."""
    return path.name.rpartition("-")[0]


def end_line(path: Path) -> int:
    """End an incomplete last line, so that it does not spoil the next one. Return the size of the file."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                size += file.write(b"\n")
    return size

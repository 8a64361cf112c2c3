"""The blocks of a DuckDB file and their checksums: which are damaged, and what can be mended exactly.

A file is three headers of 4 KiB (the main one, and two that take turns with each checkpoint) and blocks of 256 KiB,
each with a checksum in front: 5381, XORed with each 64-bit word times a constant. From that follows what one word must
have been if only it is wrong. Often a single one could be, with hardly a bit other than it should be: that cure is
exact. Of single bits flipped in blocks of random numbers, those in the three lowest bytes of a word nearly all have
one, in the fourth byte nine of ten, in the fifth a third, above it few. Else nothing is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

HEADER = 4096
BLOCK = 262_144
HEADERS = 3

_FACTOR = 0xBF58476D1CE4E5B9
_INVERSE = pow(_FACTOR, -1, 1 << 64)
_START = 5381
_WORD = (1 << 64) - 1
_MANY = 8


@dataclass(frozen=True, slots=True)
class BadBlock:
    """A block whose content is not what its checksum says."""

    position: int
    size: int
    cure: tuple[int, int] | None
    """Where in the file 8 bytes have to be replaced, and by which number; None where more is wrong."""

    def __str__(self) -> str:
        return f"the block at byte {self.position:,}"


def bad_blocks(path: Path) -> Iterator[BadBlock]:
    """The blocks of a file that do not match their checksums; the last may be one that the file cuts short.

    A block that no table uses may be among them.
    """
    with path.open("rb") as file:
        for position, size in _places(path.stat().st_size):
            content = file.read(size)
            if len(content) < size:
                yield BadBlock(position, size, None)
            elif (bad := _check(position, content)) is not None:
                yield bad


def mend(path: Path, blocks: list[BadBlock]) -> None:
    """Write the cures into the file."""
    with path.open("rb+") as file:
        for block in blocks:
            if block.cure is not None:
                position, word = block.cure
                file.seek(position)
                file.write(word.to_bytes(8, "little"))


def newest_header_first(path: Path) -> list[int]:
    """The positions of the two headers that take turns, the one of the last checkpoint first."""
    with path.open("rb") as file:
        counts = [_iteration(file, position) for position in (HEADER, 2 * HEADER)]
    return [HEADER, 2 * HEADER] if counts[0] >= counts[1] else [2 * HEADER, HEADER]


def copy_header(path: Path, source: int, target: int) -> None:
    """Put one header in the place of another."""
    with path.open("rb+") as file:
        file.seek(source)
        content = file.read(HEADER)
        file.seek(target)
        file.write(content)


def _iteration(file: BinaryIO, position: int) -> int:
    file.seek(position + 8)
    return int.from_bytes(file.read(8), "little")


def _places(size: int) -> Iterator[tuple[int, int]]:
    for number in range(HEADERS):
        yield number * HEADER, HEADER
    for position in range(HEADERS * HEADER, size, BLOCK):
        yield position, BLOCK


def _check(position: int, content: bytes) -> BadBlock | None:
    import numpy

    words = numpy.frombuffer(content, dtype="<u8")
    stored, words = int(words[0]), words[1:]
    hashes = words * numpy.uint64(_FACTOR)
    difference = stored ^ _START ^ int(numpy.bitwise_xor.reduce(hashes))
    if not difference:
        return None
    # What each word would have to be if it alone were wrong: in the one that is, hardly any bits differ.
    instead = (hashes ^ numpy.uint64(difference)) * numpy.uint64(_INVERSE)
    candidates = [int(index) for index in _slight(instead ^ words)]
    cure = None
    if _slight(numpy.array([difference], dtype="<u8")).size:
        # It may be the checksum itself that is wrong.
        if not candidates:
            cure = (position, stored ^ difference)
    elif (index := _odd_one(words, candidates)) is not None:
        cure = (position + 8 * (index + 1), int(instead[index]))
    return BadBlock(position, len(content), cure)


def _odd_one(words: Any, candidates: list[int]) -> int | None:
    """The word to change, or None where that is not certain.

    Where the right word is in the block elsewhere too, giving each of those the wrong value would also do for the
    checksum. It is the odd one that is wrong where the others are many.
    """
    if len(candidates) == 1:
        return candidates[0]
    counts = Counter(int(words[index]) for index in candidates)
    if len(counts) == 2 and min(counts.values()) == 1 and max(counts.values()) >= _MANY:
        return next(index for index in candidates if counts[int(words[index])] == 1)
    return None


def _slight(differences: Any) -> Any:
    """The indices of the words in which no more than the bits of one byte differ."""
    import numpy

    found = numpy.zeros(len(differences), dtype=bool)
    for shift in range(0, 64, 8):
        found |= (differences & numpy.uint64(~(0xFF << shift) & _WORD)) == 0
    return numpy.flatnonzero(found)

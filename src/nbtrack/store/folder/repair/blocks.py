"""The blocks of a DuckDB file and their checksums: which blocks are damaged, and which can be repaired exactly.

A file consists of three headers of 4 KiB (the main header, and two that alternate with each checkpoint) and of blocks
of 256 KiB. Each starts with a checksum: 5381, XORed with each 64-bit word times a constant. If only one word is wrong,
the checksum tells what it must have been. Often only one word of the block can be the wrong one, because the right
value differs from it in hardly any bits. Then the repair is exact. In blocks of random numbers, nearly all single bits
that are flipped in the three lowest bytes of a word can be repaired, in the fourth byte nine of ten, in the fifth a
third, and above it few. In all other cases nothing is changed.
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
    """A block whose content does not match its checksum."""

    position: int
    size: int
    fix: tuple[int, int] | None
    """The position in the file of the 8 bytes to replace, and the number to write; None if there is no exact repair."""

    def __str__(self) -> str:
        return f"the block at byte {self.position:,}"


def bad_blocks(path: Path) -> Iterator[BadBlock]:
    """Yield the blocks of a file that do not match their checksums, and a last block that is cut short.

    Blocks that no table uses may be among them.
    """
    with path.open("rb") as file:
        for position, size in _places(path.stat().st_size):
            content = file.read(size)
            if len(content) < size:
                yield BadBlock(position, size, None)
            elif (bad := _check(position, content)) is not None:
                yield bad


def write_fixes(path: Path, blocks: list[BadBlock]) -> None:
    """Write the exact repairs of blocks into the file."""
    with path.open("rb+") as file:
        for block in blocks:
            if block.fix is not None:
                position, word = block.fix
                file.seek(position)
                file.write(word.to_bytes(8, "little"))


def newest_header_first(path: Path) -> list[int]:
    """Return the positions of the two alternating headers, that of the last checkpoint first."""
    with path.open("rb") as file:
        counts = [_iteration(file, position) for position in (HEADER, 2 * HEADER)]
    return [HEADER, 2 * HEADER] if counts[0] >= counts[1] else [2 * HEADER, HEADER]


def copy_header(path: Path, source: int, target: int) -> None:
    """Overwrite one header with another."""
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
    # What each word would have to be if only it were wrong. In the word that is wrong, hardly any bits differ.
    instead = (hashes ^ numpy.uint64(difference)) * numpy.uint64(_INVERSE)
    candidates = [int(index) for index in _differing_in_one_byte(instead ^ words)]
    fix = None
    if _differing_in_one_byte(numpy.array([difference], dtype="<u8")).size:
        # The checksum itself may be wrong.
        if not candidates:
            fix = (position, stored ^ difference)
    elif (index := _wrong_word(words, candidates)) is not None:
        fix = (position + 8 * (index + 1), int(instead[index]))
    return BadBlock(position, len(content), fix)


def _wrong_word(words: Any, candidates: list[int]) -> int | None:
    """Return the index of the word to change, or None if that is not certain.

    If the right word occurs elsewhere in the block too, changing any of those to the wrong value would also satisfy
    the checksum. If there are many of them, the one that differs from all others is the wrong one.
    """
    if len(candidates) == 1:
        return candidates[0]
    counts = Counter(int(words[index]) for index in candidates)
    if len(counts) == 2 and min(counts.values()) == 1 and max(counts.values()) >= _MANY:
        return next(index for index in candidates if counts[int(words[index])] == 1)
    return None


def _differing_in_one_byte(differences: Any) -> Any:
    """Return the indices of the words whose differing bits all lie in one byte."""
    import numpy

    found = numpy.zeros(len(differences), dtype=bool)
    for shift in range(0, 64, 8):
        found |= (differences & numpy.uint64(~(0xFF << shift) & _WORD)) == 0
    return numpy.flatnonzero(found)

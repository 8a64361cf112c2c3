"""What a completion knows of the names and values that a store holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .tree import Operand
from .vocabulary import KeyTable


class Known(Protocol):
    """The names and values of one vocabulary, each with the number of rows that have it; the most common come first."""

    def keys(self, table: KeyTable, part: str) -> Sequence[tuple[str, int]]:
        """Keys that have `part` in them, in any case."""
        ...

    def values(self, operand: Operand, part: str) -> Sequence[tuple[str, int]]:
        """Texts that the operand is, with `part` in them, in any case."""
        ...

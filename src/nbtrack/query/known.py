"""The names and values of a store that completions can offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .tree import Operand
from .vocabulary import KeyTable


class Known(Protocol):
    """The names and values of one vocabulary, each with the number of rows that have it, the most likely first."""

    def keys(self, table: KeyTable, part: str) -> Sequence[tuple[str, int]]:
        """Return the keys of a key table that contain a string.

        Args:
            table: The table of metrics, params or tags.
            part: The string, in any case.

        Returns:
            Pairs of a key and the number of rows that have it. Keys that users logged come before automatic ones, then
            keys that begin with `part` before others, then the most common ones.
        """
        ...

    def values(self, operand: Operand, part: str) -> Sequence[tuple[str, int]]:
        """Return the string values of an operand that contain a string.

        Args:
            operand: A param, a tag, an attribute or a column of a collection.
            part: The string, in any case.

        Returns:
            Pairs of a value and the number of rows that have it. Values that begin with `part` come before others, then
            the most common ones.
        """
        ...

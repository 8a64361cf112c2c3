"""What a completion knows of the names and values that a store holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .tree import Operand
from .vocabulary import KeyTable, Vocabulary


class Known(Protocol):
    """The names and values of one vocabulary, each with the number of rows that have it; the most common come first."""

    def keys(self, table: KeyTable, part: str) -> Sequence[tuple[str, int]]:
        """Keys that have `part` in them, in any case."""
        ...

    def values(self, operand: Operand, part: str) -> Sequence[tuple[str, int]]:
        """Texts that the operand is, with `part` in them, in any case."""
        ...


_providers: list[Callable[[Vocabulary], Known]] = []


def provide(provider: Callable[[Vocabulary], Known]) -> None:
    """Say who knows what is in the current store: the store does, which this layer must not import."""
    _providers[:] = [provider]


def known_of(vocabulary: Vocabulary) -> Known | None:
    """What is known of the current store; None where no part of nbtrack that has stores is in use."""
    return _providers[0](vocabulary) if _providers else None

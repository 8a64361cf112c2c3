"""A change to the registry: one transaction, in turn with the others that change the same models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..base import Cursor, Tables


class ChangeTables(Tables):
    """Base of the registry's table modules."""

    @contextmanager
    def changing(self, *names: str) -> Iterator[Cursor]:
        """A transaction that changes these models, each of which may be missing."""
        with self.writing() as cursor:
            # Always in the same order: of two that rename or copy, neither holds what the other waits for.
            self.lock_models(cursor, sorted(set(names)))
            yield cursor

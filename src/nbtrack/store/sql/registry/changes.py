"""Changes to the registry: one transaction each, never at the same time as another change of the same models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..base import Cursor, Tables


class ChangeTables(Tables):
    """Base class of the registry's table modules."""

    @contextmanager
    def changing(self, *names: str) -> Iterator[Cursor]:
        """Open a transaction that changes these models, which need not exist."""
        with self.writing() as cursor:
            # Models are always locked in the same order, so that two renames or copies cannot deadlock.
            self.lock_models(cursor, sorted(set(names)))
            yield cursor

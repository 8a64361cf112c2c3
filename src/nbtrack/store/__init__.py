"""Stores: where runs are kept. `protocol.py` is what each of them can do, `opening.py` finds the one of a URI."""

from __future__ import annotations

from ..query import Known, Vocabulary, provide
from .opening import close_stores, open_store

__all__ = ["close_stores", "open_store"]


def _names_of_current_store(vocabulary: Vocabulary) -> Known:
    return open_store().known(vocabulary)


provide(_names_of_current_store)

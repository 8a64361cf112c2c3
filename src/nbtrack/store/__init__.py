"""Stores: where runs are kept. `protocol.py` is what each of them can do, `opening.py` finds the one of a URI."""

from __future__ import annotations

from .opening import close_stores, open_store

__all__ = ["close_stores", "open_store"]

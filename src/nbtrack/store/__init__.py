"""Stores, in which runs are kept. `protocol.py` defines their operations, and `opening.py` finds the store of a URI."""

from __future__ import annotations

from .opening import close_stores, open_store

__all__ = ["close_stores", "open_store"]

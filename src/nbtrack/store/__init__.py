"""Stores: where runs are kept. One file a backend; `open_store` finds it by the tracking URI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..config import folder_of, get_tracking_uri
from ..process_end import at_process_end

if TYPE_CHECKING:
    from .folder.store import DuckDBStore as Store

_open: dict[Path, Store] = {}


def open_store(uri: str | None = None) -> Store:
    """The store that a tracking URI names (by default the current one), the same object each time."""
    folder = folder_of(uri) if uri else Path(get_tracking_uri())
    # Two paths to one folder are one store: two would take turns on a lock that one thread may hold.
    real = folder.resolve()
    store = _open.get(real)
    if store is None:
        from .folder.store import DuckDBStore

        store = _open.setdefault(real, DuckDBStore(folder))
    return store


@at_process_end
def close_stores() -> None:
    """Write and apply what is left, end the threads and close the files. The next call opens what it needs anew."""
    while _open:
        _open.popitem()[1].close()

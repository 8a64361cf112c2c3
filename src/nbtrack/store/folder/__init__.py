"""A store in a folder: one DuckDB file, the journals beside it, and the upkeep of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...config import folder_of

if TYPE_CHECKING:
    from .store import FolderStore

UPKEEP = ("backup", "compact", "doctor", "gc")
CAPABILITIES = frozenset({*UPKEEP, "artifacts", "sql", "tail", "transfer"})
"""What this store can do beyond the protocols: backup, repair and removal of deleted runs; artifacts beside the
database; SQL queries; what this process logs, before the database has it; import, merge and export."""


def open_backend(uri: str) -> FolderStore:
    """Open the store in the folder that a path or a `file:` URI names."""
    # DuckDB takes a while to import, and it is not needed to look up the capabilities.
    from .store import FolderStore

    return FolderStore(folder_of(uri))


def capability(store: FolderStore, name: str) -> Any:
    """Return the object that implements `name`, one of CAPABILITIES."""
    if name not in UPKEEP:
        return store
    # Most processes use none of the upkeep, so it is loaded only on demand.
    from .upkeep import Upkeep

    return Upkeep(store)

"""A store in a folder: one DuckDB file, journals beside it, and what keeps both whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...config import folder_of

if TYPE_CHECKING:
    from .store import FolderStore

UPKEEP = ("backup", "compact", "doctor", "gc")
CAPABILITIES = frozenset({*UPKEEP, "artifacts", "sql", "transfer"})
"""What this store can do beyond the protocols: copies, repair, the bin; artifacts beside the database; SQL by hand;
import, merge and export."""


def open_backend(uri: str) -> FolderStore:
    """Open the store in the folder that a path or a `file:` URI names."""
    # DuckDB takes a while to import; whoever only asks for the capabilities need not wait for it.
    from .store import FolderStore

    return FolderStore(folder_of(uri))


def capability(store: FolderStore, name: str) -> Any:
    """Return the object that does what `name`, one of CAPABILITIES, stands for."""
    if name not in UPKEEP:
        return store
    # Most processes never look after the folder: copies, repair and the bin need not be loaded for them.
    from .upkeep import Upkeep

    return Upkeep(store)

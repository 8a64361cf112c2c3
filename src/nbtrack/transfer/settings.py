"""Imports the settings of another store. If both stores have a setting, the one that was changed last wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .nbtrack_store import NbtrackStore

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore


def import_settings(store: FolderStore, source: NbtrackStore) -> None:
    """Import the modes of metrics and the saved views. A setting that was deleted here comes back."""
    theirs = source.settings()
    with store.writing() as cursor:
        rows = cursor.execute("SELECT kind, name, value, last_update_time FROM settings").fetchall()
        ours = {(kind, name): (time, value) for kind, name, value, time in rows}
        for kind, name, value, time in theirs:
            # Of two changes in the same millisecond, the greater value wins, whatever the direction of the import.
            if (time, value) > ours.get((kind, name), (-1, "")):
                cursor.execute("DELETE FROM settings WHERE kind = $1 AND name = $2", [kind, name])
                cursor.execute("INSERT INTO settings VALUES ($1, $2, $3, $4)", [kind, name, value, time])

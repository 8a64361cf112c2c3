"""Model versions whose files go elsewhere in their run: they follow, so that a version never holds another model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....artifact_store.local import path_of_uri
from ....errors import NbtrackError
from ..base import Cursor
from .events import record_event

if TYPE_CHECKING:
    from ...folder.store import DuckDBStore


def versions_at(store: DuckDBStore, run_id: str, root: Path, path: str) -> list[tuple[str, int, str, str]]:
    """The versions whose files are at `path` of a run's artifacts, or below: name, version, source, and where below.

    `root` is the run's artifact folder.
    """
    with store.reading() as cursor:
        return _versions_at(store, cursor, run_id, root, path)


def move_sources(
    store: DuckDBStore, run_id: str, root: Path, path: str, new_path: str, *, user_id: str
) -> list[tuple[str, int]]:
    """Let the versions at `path` point to `new_path`, where the same files are; which versions these are.

    One transaction, with an event for each.
    """
    moved = []
    with store.writing() as cursor:
        for name, version, source, below in _versions_at(store, cursor, run_id, root, path):
            new = "/".join(part for part in (f"runs:/{run_id}/{new_path}", below) if part)
            cursor.execute(
                "UPDATE model_versions SET source = $3 WHERE name = $1 AND version = $2", [name, version, new]
            )
            record_event(cursor, name, "source_moved", user_id, version=version, old=source, new=new)
            moved.append((name, version))
    return moved


def _versions_at(
    store: DuckDBStore, cursor: Cursor, run_id: str, root: Path, path: str
) -> list[tuple[str, int, str, str]]:
    rows = cursor.execute(
        "SELECT name, version, source FROM model_versions WHERE run_id = $1 OR strpos(source, $1) > 0 "
        'ORDER BY name COLLATE "C", version',
        [run_id],
    ).fetchall()
    found = []
    for name, version, source in rows:
        inside = _inside(store, source, run_id, root)
        if inside is not None and f"{inside}/".startswith(f"{path}/"):
            found.append((name, int(version), source, inside[len(path) + 1 :]))
    return found


def _inside(store: DuckDBStore, source: str, run_id: str, root: Path) -> str | None:
    """Where a version's source is among the run's artifacts; None where it is elsewhere."""
    prefix = f"runs:/{run_id}/"
    if source.startswith(prefix):
        return source.removeprefix(prefix).strip("/")
    try:
        return path_of_uri(store.locate(source)).resolve().relative_to(root.resolve()).as_posix()
    except (NbtrackError, ValueError, OSError):
        return None

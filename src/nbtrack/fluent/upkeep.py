"""Backup, restore and repair of the current store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..client import Client

if TYPE_CHECKING:
    from ..client.upkeep import Report


def backup(target: str | os.PathLike[str], *, artifacts: bool = False, force: bool = False) -> Path:
    """Make one consistent copy of the store's database, while runs are being written; its path.

    With `artifacts`, `target` is a folder that is a store of its own. `force` overwrites a file, and of folders only
    an earlier backup. See `nbtrack guide repair`.

    >>> copy = backup("monday.duckdb", force=True)  # doctest: +SKIP
    """
    return Client().backup(target, artifacts=artifacts, force=force)


def restore_backup(source: str | os.PathLike[str]) -> Path | None:
    """Put a backup in the place of the store's database; where the one that was there is kept.

    >>> kept = restore_backup("monday.duckdb")  # doctest: +SKIP
    """
    return Client().restore_backup(source)


def doctor(repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False) -> Report:
    """Look the store over and say what is damaged; with `repair`, bring back all that can be read.

    With `contents`, every artifact is read and compared with the digest that it was kept by.

    >>> report = doctor()
    >>> report.is_healthy
    True
    """
    return Client().doctor(repair, rescue, contents=contents)

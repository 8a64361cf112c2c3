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
    """Write a consistent copy of the store's database, also while runs are being logged.

    Args:
        target: The file to write, or the folder if `artifacts` is True. It must be outside the store.
        artifacts: Whether to copy the artifacts too. The folder is then a complete store.
        force: Whether to overwrite an existing file, or a folder that contains an earlier backup and nothing else.

    Returns:
        The path of the copy.

    Raises:
        NotFound: If the store does not exist.
        AlreadyExists: If `target` exists and `force` is False.
        InvalidParameter: If `target` is inside the store, is a folder that contains more than a backup, or is a file
            instead of a folder or the other way round.
        StoreDamaged: If the database is damaged.
        StoreError: If the copy cannot be written.

    Example:
        >>> copy = backup("monday.duckdb", force=True)  # doctest: +SKIP
    """
    return Client().backup(target, artifacts=artifacts, force=force)


def restore_backup(source: str | os.PathLike[str]) -> Path | None:
    """Replace the database of the store with a backup. The replaced database is kept beside it.

    Data in the journals of running processes that is newer than the backup is applied again, once.

    Args:
        source: The file that `backup` wrote. Of a backup with artifacts, the file runs.duckdb in its folder.

    Returns:
        The path of the replaced database, or None if there was none.

    Raises:
        NotFound: If the file does not exist.
        StoreDamaged: If the file is damaged or not a database.
        InvalidParameter: If the file is not a backup of nbtrack.
        StoreNotWritable: If the database cannot be written.

    Example:
        >>> kept = restore_backup("monday.duckdb")  # doctest: +SKIP
    """
    return Client().restore_backup(source)


def doctor(repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False) -> Report:
    """Check the store for damage, and repair it if asked to.

    Args:
        repair: Whether to repair what is damaged and to recover everything that can still be read. Replaced files are
            kept.
        rescue: Files with log lines that a process could not write to the store. Warnings name them. Those in the temp
            folder are found without this.
        contents: Whether to read every artifact and to compare it with its stored digest.

    Returns:
        A report. Its properties are `is_healthy`, `is_repaired` and `has_losses`, and `str(report)` lists the findings.

    Raises:
        NotFound: If the store does not exist.

    Example:
        >>> report = doctor()
        >>> report.is_healthy
        True
    """
    return Client().doctor(repair, rescue, contents=contents)

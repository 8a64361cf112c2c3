"""Copies of a database file that are whole, while others go on logging."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ...errors import StoreError
from ...journal.syncing import sync_folder

_COPY = """
import os, shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
os.fsync(os.open(sys.argv[2], os.O_RDWR))
"""


def copy_attached(source: Path, target: Path) -> None:
    """Copy a database file that this process has attached, after a CHECKPOINT and before any other statement.

    Another process does it: where this one closes a file that DuckDB has open, the system takes DuckDB's lock away.
    """
    done = subprocess.run(
        [sys.executable, "-c", _COPY, str(source), str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        target.unlink(missing_ok=True)
        reason = done.stderr.strip().splitlines()
        raise StoreError(f"{source} could not be copied to {target}: {reason[-1] if reason else 'no reason given'}")


def keep_aside(database: Path, why: str) -> Path:
    """Give a database file, with its write-ahead log, a second name that says when; the caller replaces it."""
    kept = database.with_name(f"runs.{why}-{time.strftime('%Y-%m-%dT%H-%M-%S')}.duckdb")
    try:
        os.link(database, kept)
    except OSError:
        shutil.copy2(database, kept)
    if log_of(database).exists():
        os.replace(log_of(database), log_of(kept))
    return kept


def log_of(database: Path) -> Path:
    """DuckDB's write-ahead log, which is there while the file is open, and after a death."""
    return database.with_name(database.name + ".wal")


def put_in_place(new: Path, target: Path) -> None:
    """Give a finished file its name, so that it is there whole or not at all, also after a power cut."""
    os.replace(new, target)
    sync_folder(target.parent)

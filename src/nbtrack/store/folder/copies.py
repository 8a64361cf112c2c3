"""Consistent copies of a database file, while other processes continue logging."""

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

    The copy is made in another process. If this process closed a second handle of a file that DuckDB has open, the
    system would release DuckDB's lock.
    """
    done = subprocess.run(
        [sys.executable, "-c", _COPY, str(source), str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        target.unlink(missing_ok=True)
        reason = done.stderr.strip().splitlines()
        raise StoreError(f"{source} could not be copied to {target}: {reason[-1] if reason else 'unknown error'}")


def keep_aside(database: Path, why: str) -> Path:
    """Keep a database file and its write-ahead log under a name with the time; the caller then replaces the file."""
    kept = database.with_name(f"runs.{why}-{time.strftime('%Y-%m-%dT%H-%M-%S')}.duckdb")
    try:
        os.link(database, kept)
    except OSError:
        shutil.copy2(database, kept)
    if log_of(database).exists():
        os.replace(log_of(database), log_of(kept))
    return kept


def log_of(database: Path) -> Path:
    """Return the path of DuckDB's write-ahead log, which exists while the file is open and after a crash."""
    return database.with_name(database.name + ".wal")


def put_in_place(new: Path, target: Path) -> None:
    """Rename a finished file, so that it exists completely or not at all, also after a power cut."""
    os.replace(new, target)
    sync_folder(target.parent)

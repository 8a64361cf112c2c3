"""Compaction of the database file. DuckDB reuses the space of deleted rows, but never returns it to the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import StoreError, StoreNotWritable
from .copies import log_of, put_in_place
from .database import LOCK_TIMEOUT, READ_ONLY, READ_WRITE, in_memory, literal

if TYPE_CHECKING:
    import duckdb

    from .store import FolderStore

_COPY = "runs.compact.duckdb"


def compact(store: FolderStore) -> tuple[int, int]:
    """Copy the database into a new file that replaces the old one.

    Other processes wait meanwhile, as they do for every operation. If the process is killed at any moment, the store
    still has one of the two files complete.

    Returns:
        The size in bytes before and after.

    Raises:
        NotFound: If the store does not exist.
        StoreNotWritable: If the folder cannot be written.
        StoreError: If the copy fails, for example because the disk has no room for both files. The old file stays.
    """
    store.check_exists()
    with store.reading():
        # Everything pending is applied now, and the schema is the current one.
        pass
    if not os.access(store.folder, os.W_OK):
        raise StoreNotWritable(f"The store in {store.folder} cannot be written. Grant write permission.")
    copy = store.folder / _COPY
    with store.alone(LOCK_TIMEOUT):
        before = store.database.stat().st_size
        _remove(copy)
        try:
            copy_database(store.database, copy)
            # DuckDB would apply the log of the old file to the new one.
            if log_of(store.database).exists():
                raise StoreError(f"{store.database} has a write-ahead log that is not applied yet. Try again.")
            put_in_place(copy, store.database)
        finally:
            _remove(copy)
    return before, store.database.stat().st_size


def copy_database(source: Path, target: Path) -> None:
    """Copy all tables and views of a database that no process has open to a new, compact file.

    The caller holds the store's lock. Raises StoreError if the copy is not complete.
    """
    import duckdb

    with in_memory() as connection:
        try:
            # Opening the file for writing once applies and removes its log.
            _attach(connection, source, "old", READ_WRITE)
            connection.execute("CHECKPOINT old")
            connection.execute("DETACH old")
            _attach(connection, source, "old", READ_ONLY)
            _attach(connection, target, "new", READ_WRITE)
            connection.execute("COPY FROM DATABASE old TO new")
            if _counts(connection, "old") != _counts(connection, "new"):
                raise StoreError(f"The copy of {source} is missing rows. The database was not changed.")
            connection.execute("DETACH new")
        except duckdb.Error as error:
            raise StoreError(
                f"{source} could not be copied to {target}. The database was not changed. DuckDB says: {error}"
            ) from error
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, option: str) -> None:
    connection.execute(f"ATTACH {literal(path)} AS {name} ({option})")


def _counts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 ORDER BY ALL", [database]
    ).fetchall()
    counts = {}
    for schema, table in tables:
        row = connection.execute(f'SELECT COUNT(*) FROM {database}."{schema}"."{table}"').fetchone()
        counts[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counts


def _remove(copy: Path) -> None:
    for path in (copy, log_of(copy)):
        path.unlink(missing_ok=True)

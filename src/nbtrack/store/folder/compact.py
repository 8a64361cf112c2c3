"""The database file without the room that deleted rows leave in it: DuckDB uses it again, but never gives it back."""

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
    """Copy the database into a new file that takes the old one's place; its size in bytes before and after.

    Other processes wait meanwhile, as they do for each other. Killed at any moment, the store has one of the two files
    whole. Raises StoreError where the disk has no room for both; then the old one stays.
    """
    store.check_exists()
    with store.reading():
        # Everything that is pending is in the file, and its schema is this version's.
        pass
    if not os.access(store.folder, os.W_OK):
        raise StoreNotWritable(f"The store in {store.folder} cannot be written. Grant the permission.")
    copy = store.folder / _COPY
    with store.alone(LOCK_TIMEOUT):
        before = store.database.stat().st_size
        _remove(copy)
        try:
            copy_database(store.database, copy)
            # A log beside the old file would be taken for one of the new file.
            if log_of(store.database).exists():
                raise StoreError(f"{store.database} has a log that is not in it yet. Try again.")
            put_in_place(copy, store.database)
        finally:
            _remove(copy)
    return before, store.database.stat().st_size


def copy_database(source: Path, target: Path) -> None:
    """Write all tables and views of a database that nobody has open to a new file, as compact as can be.

    The caller holds the store's lock. Raises StoreError where the copy is not whole.
    """
    import duckdb

    with in_memory() as connection:
        try:
            # Opened for writing once, it has no log left beside it.
            _attach(connection, source, "old", READ_WRITE)
            connection.execute("CHECKPOINT old")
            connection.execute("DETACH old")
            _attach(connection, source, "old", READ_ONLY)
            _attach(connection, target, "new", READ_WRITE)
            connection.execute("COPY FROM DATABASE old TO new")
            if _counts(connection, "old") != _counts(connection, "new"):
                raise StoreError(f"The copy of {source} lacks rows. The database is as it was.")
            connection.execute("DETACH new")
        except duckdb.Error as error:
            raise StoreError(
                f"{source} could not be copied to {target}; it is as it was. DuckDB says: {error}"
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

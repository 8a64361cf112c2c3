"""SQL queries of the user, in a separate DuckDB that can read the store's file and do nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import InvalidParameter
from ...names import new_id
from .database import READ_ONLY, in_memory, translated
from .sql_views import SCHEMA

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_POLL = 0.1
"""Seconds after which a wait checks for an interrupt."""

_ALLOWED = {"SELECT", "EXPLAIN", "MULTI"}
"""DuckDB's types of reading statements: DESCRIBE, SHOW, SUMMARIZE, VALUES, FROM and WITH are SELECT; PIVOT is MULTI."""

# A statement of these types can still write (EXPLAIN ANALYZE COPY …, WITH x AS (DELETE …)) or read any file (read_csv).
# So the check of the type only gives a helpful error message, and these settings enforce the limits: the store is
# attached read-only, no other file can be opened, and the settings cannot be changed back.
_SETTINGS = (
    f"SET search_path = 'store.{SCHEMA},store.main'",
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET autoload_known_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def run_readonly(path: Path, query: str, parameters: Sequence[Any], take: Callable[[duckdb.DuckDBPyRelation], T]) -> T:
    """Run one statement on the database file, and return what `take` makes of its rows. The caller holds the lock.

    Raises InvalidParameter if the statement is wrong, would write, or would read anything but the store.
    """
    import duckdb

    with closing(_open(path)) as connection:
        try:
            _check(connection, query)
            return _interruptible(
                lambda: take(connection.sql(query, params=list(parameters) or None)), connection.interrupt
            )
        except duckdb.PermissionException as error:
            raise InvalidParameter(
                f"nbtrack.sql can read only the store, not other files or the network. DuckDB says: {error}"
            ) from error
        except duckdb.Error as error:
            if "read-only" in str(error):
                raise InvalidParameter(_READS_ONLY.format("This statement would change the store")) from error
            raise InvalidParameter(f"DuckDB cannot run this SQL: {error}") from error


_READS_ONLY = (
    "{}, but nbtrack.sql only reads: SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN are "
    "allowed. To change runs, use functions such as set_tag() and delete_run(), or MlflowClient."
)


def _interruptible(work: Callable[[], T], interrupt: Callable[[], None]) -> T:
    """Run `work` in a separate thread, so that a KeyboardInterrupt can end it, and return its result.

    DuckDB 2.0 checks for interrupts itself. But if its threads are slow to notice, it forgets the interrupt and waits
    for the end of the query, so one interrupt is not enough. And once polars is imported, a signal does not end a wait
    without a timeout, because the system resumes the wait after polars' signal handler.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="nbtrack-sql") as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=_POLL).done:
                pass
        except KeyboardInterrupt:
            while not future.done():
                with suppress(KeyboardInterrupt):
                    interrupt()
                    wait([future], timeout=_POLL)
            raise
        return future.result()


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    # Data that does not fit into memory goes here instead of the working directory. DuckDB creates and removes it.
    overflow = Path(tempfile.gettempdir()) / f"nbtrack-sql-{new_id()}"
    connection = in_memory(temp_directory=str(overflow))
    try:
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS store ({READ_ONLY})")
        for setting in _SETTINGS:
            connection.execute(setting)
    except duckdb.Error as error:
        connection.close()
        raise translated(error, path) from error
    return connection


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    if not isinstance(query, str):
        raise InvalidParameter(f"query must be a string, not {type(query).__name__}.")
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if not kinds:
        raise InvalidParameter("query must not be empty. Pass an SQL query such as SELECT * FROM runs LIMIT 10.")
    for kind in kinds:
        if kind not in _ALLOWED:
            raise InvalidParameter(_READS_ONLY.format(f"This statement is of type {kind.replace('_', ' ')}"))
    if len(kinds) > 1:
        raise InvalidParameter(f"nbtrack.sql runs one statement at a time, not {len(kinds)}.")

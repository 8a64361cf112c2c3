"""The user's own SQL on the store: in a DuckDB of its own, which can read the store's file and do nothing else."""

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

_LOOK = 0.1
"""Seconds after which a wait looks whether somebody wants to interrupt it."""

_ALLOWED = {"SELECT", "EXPLAIN", "MULTI"}
"""DuckDB's names for what reads: DESCRIBE, SHOW, SUMMARIZE, VALUES, FROM and WITH are SELECT to it, PIVOT is MULTI."""

# One of these can write in spite of its name (EXPLAIN ANALYZE COPY …, WITH x AS (DELETE …)), or read any file
# (read_csv). So the statement's kind gives the friendly answer, and what keeps the promise are these settings: the
# store is attached read-only, no other file can be opened, and nobody can set them back.
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
    """What `take` makes of the rows of one statement on the database file, whose lock the caller holds.

    Raises InvalidParameter where the statement is wrong, would write, or would look at anything but the store.
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
                f"nbtrack.sql reads the store and nothing else, no files and no network. DuckDB says: {error}"
            ) from error
        except duckdb.Error as error:
            if "read-only" in str(error):
                raise InvalidParameter(_WOULD_WRITE.format("This SQL would change the store")) from error
            raise InvalidParameter(f"DuckDB cannot run this SQL: {error}") from error


_WOULD_WRITE = (
    "{}, and nbtrack.sql only reads: SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN. To "
    "change runs use set_tag, delete_run, MlflowClient and the like."
)


def _interruptible(work: Callable[[], T], interrupt: Callable[[], None]) -> T:
    """What `work` returns, done by a thread of its own, so that a KeyboardInterrupt ends it.

    DuckDB 2.0 looks for one itself, but where its threads are slow to notice it forgets that it asked them to stop, and
    waits for the end of the query: asked once is not enough. And a wait without a timeout is not cut short by a signal
    once polars is imported, whose handler has the system go on with it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="nbtrack-sql") as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=_LOOK).done:
                pass
        except KeyboardInterrupt:
            while not future.done():
                with suppress(KeyboardInterrupt):
                    interrupt()
                    wait([future], timeout=_LOOK)
            raise
        return future.result()


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    # What does not fit into memory goes there, and not into the working directory. DuckDB makes and removes it.
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
        raise InvalidParameter(f"SQL is a text, not {type(query).__name__}.")
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if not kinds:
        raise InvalidParameter("The SQL is empty. Try: SELECT * FROM runs LIMIT 10")
    for kind in kinds:
        if kind not in _ALLOWED:
            raise InvalidParameter(_WOULD_WRITE.format(f"This SQL is more than a question ({kind.replace('_', ' ')})"))
    if len(kinds) > 1:
        raise InvalidParameter(f"nbtrack.sql runs one statement at a time, and these are {len(kinds)}.")

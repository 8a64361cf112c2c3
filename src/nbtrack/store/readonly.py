"""The user's own SQL on the store: in a DuckDB of its own, which can read the store's file and do nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InvalidParameter
from ..names import new_id
from .database import READ_ONLY, in_memory, translated
from .sql_views import SCHEMA

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

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
            relation = connection.sql(query, params=list(parameters) or None)
            return take(relation)
        except duckdb.PermissionException as error:
            raise InvalidParameter(
                f"nbtrack.sql reads the store and nothing else, no files and no network. DuckDB says: {error}"
            ) from error
        except duckdb.Error as error:
            if "read-only" in str(error):
                raise InvalidParameter(_WOULD_WRITE.format("This SQL would change the store")) from error
            raise InvalidParameter(f"DuckDB cannot run this SQL: {error}") from error
        except RuntimeError as error:
            if "Query interrupted" in str(error):
                # So DuckDB calls a KeyboardInterrupt.
                raise KeyboardInterrupt from None
            raise


_WOULD_WRITE = (
    "{}, and nbtrack.sql only reads: SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN. To "
    "change runs use set_tag, delete_run, MlflowClient and the like."
)


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

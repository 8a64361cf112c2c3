"""The user's own SQL on the store's tables, which can read everything and change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import duckdb
    import pandas


def run_readonly(
    connection: duckdb.DuckDBPyConnection, database: Path, query: str, parameters: list[Any]
) -> pandas.DataFrame:
    """Run one statement on the database, attached read-only; its rows as a DataFrame.

    The caller holds the store's lock and has the file detached.
    """
    import duckdb

    if not query.strip():
        raise InvalidParameter("The SQL is empty. Try: SELECT * FROM runs LIMIT 10")
    connection.execute(f"ATTACH '{str(database).replace(chr(39), chr(39) * 2)}' AS store (READ_ONLY)")
    try:
        connection.execute("USE store")
        return connection.execute(query, parameters).df()
    except duckdb.Error as error:
        if "read-only" in str(error):
            raise InvalidParameter(
                "This SQL would change the store, and nbtrack.sql only reads. To change runs use set_tag, delete_run, "
                "MlflowClient and the like."
            ) from error
        raise InvalidParameter(f"DuckDB cannot run this SQL: {error}") from error
    finally:
        connection.execute("USE memory")
        connection.execute("DETACH store")

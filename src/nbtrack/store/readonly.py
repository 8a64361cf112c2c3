"""The user's own SQL on the store's tables, which can read everything and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import duckdb
    import pandas


def run_readonly(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> pandas.DataFrame:
    """Run one statement on the database, which the caller has attached read-only; its rows as a DataFrame."""
    import duckdb

    reading = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if not query.strip():
        raise InvalidParameter("The SQL is empty. Try: SELECT * FROM runs LIMIT 10")
    try:
        statements = connection.extract_statements(query)
        if any(statement.type not in reading for statement in statements):
            raise InvalidParameter(
                "This SQL would change the store, and nbtrack.sql only reads. To change runs use set_tag, delete_run, "
                "MlflowClient and the like."
            )
        connection.execute("SET search_path = 'store.nbtrack,store.main'")
        return connection.execute(query, parameters).df()
    except duckdb.Error as error:
        raise InvalidParameter(f"DuckDB cannot run this SQL: {error}") from error

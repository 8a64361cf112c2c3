"""A DuckDB with our tables, and a search on it as the store does one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from nbtrack.query import RUNS, Vocabulary, compile_search
from nbtrack.store.schema import TABLES

COLUMNS = {"runs": "r.run_id", "experiments": "r.name", "registered_models": "r.name"}


class Database:
    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(TABLES)

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            marks = ", ".join(f"${i + 1}" for i in range(len(row)))
            self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def search(
        self, filter_string: str | None, order_by: Sequence[str] = (), vocabulary: Vocabulary = RUNS, column: str = ""
    ) -> list[Any]:
        """Values of one column of the rows that match, in order; `$1` is the caller's own, as in a store's query."""
        found = compile_search(filter_string, order_by, vocabulary, first_parameter=2)
        shown = column or COLUMNS.get(vocabulary.table, "r.name || '/' || CAST(r.version AS VARCHAR)")
        sql = f"SELECT {shown} FROM {vocabulary.table} r {found.joins} WHERE $1 = 1 AND {found.where}"
        rows = self.connection.execute(f"{sql} ORDER BY {found.order_by}", [1, *found.parameters]).fetchall()
        return [value for (value,) in rows]


def run(run_id: str, name: str, start_time: int, **other: Any) -> dict[str, Any]:
    """A row of the table runs."""
    row = {"run_id": run_id, "experiment_id": 1, "name": name, "user_id": "", "status": "RUNNING"}
    row |= {
        "start_time": start_time,
        "artifact_uri": f"file:///store/1/{run_id}/artifacts",
        "lifecycle_stage": "active",
    }
    return row | other

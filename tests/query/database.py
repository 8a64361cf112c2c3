"""A database with nbtrack's tables, searched as the store does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from nbtrack.query import RUNS, Vocabulary, compile_search
from nbtrack.query.sql import number_in
from nbtrack.store.sql.schema import TABLES

COLUMNS = {"runs": "r.run_id", "experiments": "r.name", "registered_models": "r.name"}

Point = tuple[int, int, float]
"""Step, timestamp, value."""


class Database:
    def __init__(self, connection: Any = None) -> None:
        """`connection` is one to an empty database that takes `$1`, …; by default that is a DuckDB in memory."""
        self.connection = connection or duckdb.connect()
        self.connection.execute(TABLES)
        self._runs = 0
        self._series = 0

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            marks = ", ".join(f"${i + 1}" for i in range(len(row)))
            self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def add_run(
        self,
        run_id: str,
        name: str,
        start_time: int,
        metrics: Mapping[str, float | Sequence[Point]] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        inputs: Sequence[Mapping[str, str | None]] = (),
        **attributes: Any,
    ) -> None:
        """Insert a run with all searchable data. A metric is its last value or a list of its points."""
        self._runs += 1
        run = self._runs
        row = {"run": run, "run_id": run_id, "experiment_id": 1, "name": name, "user_id": "", "status": "RUNNING"}
        row |= {"start_time": start_time, "end_time": None, "lifecycle_stage": "active"}
        row["artifact_uri"] = f"file:///store/1/{run_id}/artifacts"
        self.insert("runs", [row | attributes])
        self.insert("latest_metrics", [self._latest(run, key, of) for key, of in (metrics or {}).items()])
        for table, texts, more in (("params", params, {"timestamp": 0}), ("tags", tags, {})):
            rows = [{"run": run, "key": key, "value": value, **more} for key, value in (texts or {}).items()]
            self.insert(table, rows)
            self.connection.execute(f"UPDATE {table} SET number = {number_in('value')} WHERE run = $1", [run])
        empty = {"run": run, "timestamp": 0, "digest": "", "source_type": "", "source": ""}
        self.insert("inputs", [{**empty, **row} for row in inputs])

    def search(
        self, filter_string: str | None, order_by: Sequence[str] = (), vocabulary: Vocabulary = RUNS, column: str = ""
    ) -> list[Any]:
        """Return one column of the matching rows, in order. `$1` belongs to the caller, as in a store's query."""
        found = compile_search(filter_string, order_by, vocabulary, first_parameter=2)
        shown = column or COLUMNS.get(vocabulary.table, "r.name || '/' || CAST(r.version AS VARCHAR)")
        sql = f"SELECT {shown} FROM {vocabulary.table} r {found.joins} WHERE $1 = 1 AND {found.where}"
        rows = self.connection.execute(f"{sql} ORDER BY {found.order_by}", [1, *found.parameters]).fetchall()
        return [value for (value,) in rows]

    def _latest(self, run: int, key: str, of: float | Sequence[Point]) -> dict[str, Any]:
        self._series += 1
        points = sorted([(0, 0, of)] if isinstance(of, float) else of, key=in_order)
        numbers = [value for _, _, value in points if not math.isnan(value)]
        (first_step, first_timestamp, first), (step, timestamp, last) = points[0], points[-1]
        return {
            "series": self._series,
            "run": run,
            "key": key,
            "step": step,
            "timestamp": timestamp,
            "value": last,
            "points": len(points),
            "first_step": first_step,
            "first_timestamp": first_timestamp,
            "first_value": first,
            "min_value": min(numbers, default=math.nan),
            "max_value": max(numbers, default=math.nan),
            "total": sum(numbers),
            "numbers": len(numbers),
        }


def in_order(point: Point) -> tuple[int, int, bool, float]:
    """Return the sort key of a point in its metric: step, then timestamp, then value, NaN last."""
    step, timestamp, value = point
    return step, timestamp, math.isnan(value), value

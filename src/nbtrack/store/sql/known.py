"""The names and values in a store that can complete a query while it is being written."""

from __future__ import annotations

from collections.abc import Sequence

from ...names import SYSTEM
from ...query.known import Known
from ...query.tree import Key, Member, Operand
from ...query.vocabulary import KeyTable, Vocabulary
from ...tags import MLFLOW, NBTRACK
from .base import URI_COLUMNS, Tables, in_experiments

NEWEST_RUNS = 100_000
"""How many of the newest runs are searched, because the user waits for the answer while typing."""
MAX_LENGTH = 100
"""The largest number of characters of an offered value."""

_IN_NEWEST_RUNS = f"run > (SELECT COALESCE(MAX(newest.run), 0) FROM runs AS newest) - {NEWEST_RUNS}"


class KnownTables(Tables):
    """Completion of queries."""

    def known(
        self, vocabulary: Vocabulary, max_results: int = 60, experiment_ids: Sequence[str] | None = None
    ) -> Known:
        """Return the names and values of one vocabulary."""
        return StoredNames(self, vocabulary, max_results, experiment_ids)


class StoredNames(Known):
    """The names and values of one vocabulary in the tables."""

    def __init__(
        self, tables: Tables, vocabulary: Vocabulary, max_results: int, experiment_ids: Sequence[str] | None = None
    ) -> None:
        self._tables = tables
        self._max_results = max_results
        self._vocabulary = vocabulary
        self._experiment_ids = experiment_ids

    def keys(self, table: KeyTable, part: str) -> list[tuple[str, int]]:
        """Return matching keys of a table with their number of rows; keys that users logged come before automatic ones.

        Within both groups, the order is that of `values`.
        """
        own = (
            f"CASE WHEN t.key LIKE '{MLFLOW}%' OR t.key LIKE '{NBTRACK}%' "
            f"OR '{table.entity}' = 'metrics' AND t.key LIKE '{SYSTEM}%' THEN 1 ELSE 0 END"
        )
        return self._counted("t.key", f"{table.table} AS t", self._bound("t", table.link), part, first=own)

    def values(self, operand: Operand, part: str) -> list[tuple[str, int]]:
        """Return matching values of an operand with their number of rows.

        Values that begin with `part` come first, then the most common ones, then the order of their names.
        """
        if isinstance(operand, Key):
            # The values of a metric are numbers, of which hardly any occurs twice.
            if operand.table.entity == "metrics":
                return []
            condition = f"{self._bound('t', operand.table.link)} AND t.key = $4"
            return self._counted("t.value", f"{operand.table.table} AS t", condition, part, operand.name)
        if isinstance(operand, Member):
            collection = operand.collection
            bound = self._bound("t", collection.link)
            return self._counted(f"t.{operand.column}", f"{collection.table} AS t", bound, part)
        source = f"{self._vocabulary.table} AS r {operand.join}"
        bound = self._bound("r", ("run",) if self._vocabulary.table == "runs" else ())
        sql = self._tables.located(operand.sql) if operand.sql in URI_COLUMNS else operand.sql
        return self._counted(f"CAST({sql} AS VARCHAR)", source, bound, part)

    def _counted(
        self, column: str, source: str, condition: str, part: str, *more: str, first: str = ""
    ) -> list[tuple[str, int]]:
        pattern = escaped(part)
        begins = f"CASE WHEN {column} ILIKE $3 ESCAPE '\\' THEN 0 ELSE 1 END"
        order = f"{first}, {begins}" if first else begins
        with self._tables.reading() as cursor:
            rows = cursor.execute(
                f"SELECT {column} AS found, COUNT(*) AS n FROM {source} WHERE {condition} "
                f"AND {column} ILIKE $1 ESCAPE '\\' AND LENGTH({column}) <= $2 "
                f'GROUP BY {column} ORDER BY {order}, n DESC, {column} COLLATE "C" LIMIT {self._max_results:d}',
                [f"%{pattern}%", MAX_LENGTH, f"{pattern}%", *more],
            ).fetchall()
        return [(text, count) for text, count in rows]

    def _bound(self, alias: str, link: tuple[str, ...]) -> str:
        """Return the condition that a row belongs to one of the newest runs of the experiments.

        It is true for rows of other tables.
        """
        if link != ("run",):
            return "TRUE"
        newest = f"{alias}.{_IN_NEWEST_RUNS}"
        if self._experiment_ids is None:
            return newest
        chosen = in_experiments("own.experiment_id", self._experiment_ids)
        return f"{newest} AND {alias}.run IN (SELECT own.run FROM runs AS own WHERE {chosen})"


def escaped(part: str) -> str:
    """Return a LIKE pattern that matches only this string, with a backslash as the escape character."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

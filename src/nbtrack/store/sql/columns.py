"""SQL for runs as columns: one row for each run, without an object for each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...entities import ViewType
from ..times import as_times
from . import paging
from .base import Cursor, Tables
from .runs import matching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..protocol import Columns

_INFO = (
    "r.run, r.run_id, CAST(r.experiment_id AS VARCHAR) AS experiment_id, r.status, r.artifact_uri, "
    "r.start_time, r.end_time"
)
_THESE = (
    "runs AS r JOIN UNNEST(CAST($1 AS VARCHAR[])) WITH ORDINALITY AS ids(run_id, n) "
    "ON ids.run_id = r.run_id ORDER BY ids.n"
)
_TIMES = ("start_time", "end_time")
_KINDS = {"metrics": "latest_metrics", "params": "params", "tags": "tags"}


class ColumnTables(Tables):
    """Tables of runs. `nbtrack.frame` describes the columns."""

    def search_columns(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        view: ViewType,
        max_results: int,
        order_by: Sequence[str],
        *,
        run_ids: Sequence[str] | None = None,
    ) -> Columns:
        """Return runs as columns."""
        if run_ids is None:
            paging.check_max_results(max_results, 1_000_000)
            found, joins, order, parameters = matching(self, experiment_ids, filter_string, view, order_by)
            runs = f"runs AS r {joins} WHERE {found} ORDER BY {order} LIMIT {max_results}"
        else:
            runs, parameters = _THESE, [list(run_ids)]
        with self.reading() as cursor:
            cursor.execute(f"SELECT {_INFO} FROM {runs}", parameters)
            return self._with_keys(cursor)

    def _with_keys(self, cursor: Cursor) -> Columns:
        import numpy as np

        columns: Columns = cursor.fetchnumpy()
        runs = columns.pop("run")
        for name in _TIMES:
            columns[name] = as_times(columns[name])
        uris = [self.locate(uri) for uri in columns["artifact_uri"]]
        columns["artifact_uri"] = np.array(uris, dtype=object)
        for kind, table in _KINDS.items():
            for key, values in _pivoted(cursor, table, runs):
                columns[f"{kind}.{key}"] = values
        return columns


def _pivoted(cursor: Cursor, table: str, runs: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    """Return a column for each key that these runs have, sorted by key, with rows in the order of `runs`."""
    import numpy as np

    numbers = runs.tolist()
    rows = "UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY AS found(run, n)"
    keys = [
        key
        for (key,) in cursor.execute(
            f'SELECT key FROM {table} AS t JOIN {rows} ON found.run = t.run GROUP BY key ORDER BY key COLLATE "C"',
            [numbers],
        ).fetchall()
    ]
    cells = cursor.execute(
        f"SELECT found.n - 1 AS row, wanted.n - 1 AS key, t.value FROM {table} AS t JOIN {rows} ON found.run = t.run "
        "JOIN UNNEST(CAST($2 AS VARCHAR[])) WITH ORDINALITY AS wanted(key, n) ON wanted.key = t.key",
        [numbers, keys],
    ).fetchnumpy()
    # One block for all keys instead of a query for each: 100,000 runs with 38 keys take 0.6 s, a third of the time of
    # DuckDB's PIVOT.
    shape = (len(keys), len(runs))
    where = (cells["key"], cells["row"])
    if table == "latest_metrics":
        block: NDArray[Any] = np.ma.masked_array(np.zeros(shape), mask=True)
    else:
        block = np.full(shape, None, dtype=object)
    block[where] = cells["value"]
    return [(key, block[number]) for number, key in enumerate(keys)]

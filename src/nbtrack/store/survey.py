"""A page of a run table, with what is worth knowing of all the runs that match: counted in the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..entities import Run, ViewType
from . import paging
from .runs import INFO, RunTables, matching


@dataclass(frozen=True, slots=True)
class Survey:
    """`runs` is the page; the rest is about all runs that match."""

    runs: list[Run]
    total: int
    params: list[tuple[str, bool]]
    """Each param, by key, and whether the runs differ in it (one that has it not differs too)."""
    metrics: list[str]
    best: dict[str, str]
    """The run whose last value of a metric is the best; the earliest where several are."""


class SurveyTables(RunTables):
    """What `views.runs` asks."""

    def survey(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        lower_is_better: Callable[[str], bool],
    ) -> Survey:
        """The matching runs from `offset` on, at most `limit`, newest first unless `order_by` says otherwise."""
        # They come from a screen and go into the statement's text.
        paging.check_offset(offset)
        paging.check_max_results(limit, 1_000_000)
        found, joins, order, parameters = matching(experiment_ids, filter_string, ViewType.ACTIVE_ONLY, order_by)
        with self.reading() as cursor:
            matched = f"FROM runs AS r {joins} WHERE {found}"
            # One that was interrupted may have left its own behind.
            cursor.execute("DROP TABLE IF EXISTS matched")
            cursor.execute(f"CREATE TEMP TABLE matched AS SELECT r.run {matched}", parameters)
            counted = cursor.execute("SELECT COUNT(*) FROM matched").fetchone()
            total = int(counted[0]) if counted else 0
            rows = cursor.execute(
                f"SELECT {INFO} {matched} ORDER BY {order} LIMIT {limit} OFFSET {offset}", parameters
            ).fetchall()
            params = cursor.execute(_PARAMS).fetchall()
            ranges = cursor.execute(_RANGES).fetchall()
            best = {key: low if lower_is_better(key) else high for key, low, high in ranges if low is not None}
            holders = cursor.execute(_HOLDERS, [list(best), list(best.values())]).fetchall()
            cursor.execute("DROP TABLE matched")
            runs = self._with_data(cursor, rows)
        return Survey(
            runs,
            total,
            [(key, low != high or having < total) for key, having, low, high in params],
            [key for key, _, _ in ranges],
            dict(holders),
        )


_PARAMS = """
    SELECT p.key, COUNT(*), MIN(p.value), MAX(p.value) FROM params AS p JOIN matched ON matched.run = p.run
    GROUP BY p.key ORDER BY p.key COLLATE "C"
"""
_RANGES = """
    SELECT m.key, MIN(m.value) FILTER (WHERE m.value <> 'NaN'), MAX(m.value) FILTER (WHERE m.value <> 'NaN')
    FROM latest_metrics AS m JOIN matched ON matched.run = m.run GROUP BY m.key ORDER BY m.key COLLATE "C"
"""
_HOLDERS = """
    SELECT m.key, MIN(r.run_id) FROM latest_metrics AS m JOIN matched ON matched.run = m.run
    JOIN UNNEST(CAST($1 AS VARCHAR[])) WITH ORDINALITY AS keys(key, n) ON keys.key = m.key
    JOIN UNNEST(CAST($2 AS DOUBLE PRECISION[])) WITH ORDINALITY AS best(value, n)
    ON best.n = keys.n AND best.value = m.value JOIN runs AS r ON r.run = m.run GROUP BY m.key
"""

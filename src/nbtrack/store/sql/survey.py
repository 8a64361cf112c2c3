"""A page of a table of runs, with a summary of all runs that match, computed in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...entities import ViewType
from ...tags import PARENT
from ..protocol import Nesting, Survey
from . import paging
from .base import Cursor
from .outline import outline
from .runs import INFO, RunTables, matching


class SurveyTables(RunTables):
    """Pages of runs, for `views.runs`."""

    def survey(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        grouped: bool = False,
        unfolded: Sequence[str] | None = (),
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        statistics: Sequence[str] = (),
        group: tuple[str, str] | None = None,
        summary: bool = True,
    ) -> Survey:
        """Return a page of the active runs that match, with a summary of all of them."""
        # These numbers come from a screen and become a part of the SQL statement.
        paging.check_offset(offset)
        paging.check_max_results(limit, 1_000_000)
        search = matching(self, experiment_ids, filter_string, ViewType.ACTIVE_ONLY, order_by, group)
        found, joins, order, parameters = search
        with self.reading() as cursor:
            # An interrupted survey may have left its tables behind.
            cursor.execute("DROP TABLE IF EXISTS matched")
            cursor.execute("DROP TABLE IF EXISTS nesting")
            matched = f"FROM runs AS r {joins} WHERE {found}"
            cursor.execute(f"CREATE TEMP TABLE matched AS SELECT r.run, r.run_id {matched}", parameters)
            cursor.execute(_NESTING)
            total, nested = _count(cursor, "matched"), _count(cursor, "nesting")
            if grouped and nested:
                sql = f"FROM runs AS r {joins} LEFT JOIN nesting ON nesting.run = r.run WHERE {found} ORDER BY {order}"
                cursor.execute(f"SELECT r.run, nesting.parent {sql}", parameters)
                numbers, places, count = _page(cursor, unfolded, offset, limit)
                rows = _infos(cursor, numbers)
            else:
                rows = cursor.execute(
                    f"SELECT {INFO} {matched} ORDER BY {order} LIMIT {limit} OFFSET {offset}", parameters
                ).fetchall()
                places, count = [(0, 0)] * len(rows), total
            about_params: list[tuple[Any, ...]] = []
            ranges: list[tuple[Any, ...]] = []
            if summary:
                about_params = cursor.execute(*_summary(_PARAMS, "p", params)).fetchall()
                ranges = cursor.execute(*_summary(_RANGES, "m", metrics)).fetchall()
            directions = directions_of(cursor, [key for key, _, _ in ranges])
            lows = {key: low for key, low, _ in ranges if low is not None}
            highs = {key: high for key, _, high in ranges if high is not None}
            bounds = [[*lows, *highs], [*lows.values(), *highs.values()]]
            holders = [run_id for _, run_id in cursor.execute(_HOLDERS, bounds).fetchall()] if lows else []
            parents = [row[0] for row, (_, children) in zip(rows, places, strict=True) if children]
            of_nested: dict[int, dict[str, tuple[float, float]]] = {run: {} for run in parents}
            if parents:
                sql = _OF_NESTED.replace("{these}", "" if metrics is None else _THESE.format(alias="m", n=2))
                keys = [] if metrics is None else [list(metrics)]
                for run, key, low, high in cursor.execute(sql, [parents, *keys]).fetchall():
                    of_nested[run][key] = (low, high)
            cursor.execute("DROP TABLE matched")
            cursor.execute("DROP TABLE nesting")
            runs = self._with_data(cursor, rows, params or (), metrics or ())
            of_runs: dict[int, dict[str, tuple[float, float, float, float, float]]] = {row[0]: {} for row in rows}
            if rows and statistics:
                asked = [list(of_runs), list(statistics)]
                for run, key, *values in cursor.execute(_STATISTICS, asked).fetchall():
                    first, low, high, mean, tail = values
                    of_runs[run][key] = (first, low, high, mean, tail)
        return Survey(
            runs,
            [Nesting(*place, of_nested.get(row[0], {})) for row, place in zip(rows, places, strict=True)],
            total,
            count,
            nested,
            [(key, low != high or having < total) for key, having, low, high in about_params],
            [key for key, _, _ in ranges],
            dict(zip(lows, holders[: len(lows)], strict=True)),
            dict(zip(highs, holders[len(lows) :], strict=True)),
            directions,
            {key: (low, highs[key]) for key, low in lows.items()},
            [of_runs[row[0]] for row in rows],
        )


def _summary(sql: str, alias: str, keys: Sequence[str] | None) -> tuple[str, list[Any]]:
    """Return a summary's statement, restricted to some keys, and its parameters."""
    if keys is None:
        return sql.replace("{these}", ""), []
    return sql.replace("{these}", _THESE.format(alias=alias, n=1).replace(" AND", " WHERE", 1)), [list(keys)]


def _count(cursor: Cursor, table: str) -> int:
    counted = cursor.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    return int(counted[0]) if counted else 0


def directions_of(cursor: Cursor, keys: Sequence[str]) -> dict[str, str]:
    """Return whether the matching studies minimize or maximize each metric, as their tags say, if they agree."""
    known = set(keys)
    names = [key for key in keys if key == "value" or f"best_{key}" in known]
    asked = {other: key for key in names for other in (key, f"best_{key}")}
    asked |= {"best_value": "value"} if "best_value" in known else {}
    if not asked:
        return {}
    said: dict[str, set[str]] = {}
    for key, direction in cursor.execute(_DIRECTIONS, [list(asked)]).fetchall():
        said.setdefault(asked[key], set()).add(direction)
    found: dict[str, str] = {}
    for name, directions in said.items():
        if directions in ({"MINIMIZE"}, {"MAXIMIZE"}):
            of_the_study = (name, f"best_{name}", f"intermediate_{name}")
            found |= dict.fromkeys([key for key in of_the_study if key in known], *directions)
    return found


def _page(
    cursor: Cursor, unfolded: Sequence[str] | None, offset: int, limit: int
) -> tuple[list[int], list[tuple[int, int]], int]:
    """Return a page of the runs and parents just selected: its runs, their depth and children, and the row count."""
    import numpy as np

    columns = cursor.fetchnumpy()
    numbers, parents = columns["run"], np.ma.filled(columns["parent"], -1)
    by_number = np.argsort(numbers)
    above = np.full(len(numbers), -1)
    inside = parents >= 0
    above[inside] = by_number[np.searchsorted(numbers, parents[inside], sorter=by_number)]
    if unfolded is None:
        opened = np.ones(len(numbers), dtype=bool)
    else:
        ids = cursor.execute(_UNFOLDED, [list(unfolded)]).fetchnumpy()["run"]
        opened = np.isin(numbers, ids)
    tree = outline(above, opened)
    page = tree.rows[offset : offset + limit]
    places = list(zip(tree.depth[page].tolist(), tree.children[page].tolist(), strict=True))
    return numbers[page].tolist(), places, len(tree.rows)


def _infos(cursor: Cursor, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    if not numbers:
        return []
    listed = ", ".join(map(str, numbers))
    rows = cursor.execute(f"SELECT {INFO} FROM runs AS r WHERE r.run IN ({listed})").fetchall()
    by_number = {row[0]: row for row in rows}
    return [by_number[number] for number in numbers]


_NESTING = f"""
    CREATE TEMP TABLE nesting AS SELECT child.run, above.run AS parent FROM tags AS t
    JOIN matched AS child ON child.run = t.run JOIN matched AS above ON above.run_id = t.value
    WHERE t.key = '{PARENT}' AND above.run <> child.run
"""
_THESE = " AND {alias}.key IN (SELECT UNNEST(CAST(${n} AS VARCHAR[])))"
_STATISTICS = """
    SELECT m.run, m.key, m.first_value, m.min_value, m.max_value,
        CASE WHEN m.numbers = 0 THEN CAST('NaN' AS DOUBLE PRECISION) ELSE m.total / m.numbers END,
        COALESCE(tail.mean, m.value)
    FROM latest_metrics AS m LEFT JOIN (
        SELECT series, AVG(value) AS mean FROM (
            SELECT p.series, p.value, ROW_NUMBER() OVER (
                PARTITION BY p.series ORDER BY p.step DESC, p.timestamp DESC, p.value DESC
            ) AS n
            FROM metrics AS p JOIN latest_metrics AS l ON l.series = p.series
            WHERE l.run IN (SELECT UNNEST(CAST($1 AS BIGINT[]))) AND l.key IN (SELECT UNNEST(CAST($2 AS VARCHAR[])))
        ) AS points WHERE n <= 10 GROUP BY series
    ) AS tail ON tail.series = m.series
    WHERE m.run IN (SELECT UNNEST(CAST($1 AS BIGINT[]))) AND m.key IN (SELECT UNNEST(CAST($2 AS VARCHAR[])))
"""
_UNFOLDED = """
    SELECT matched.run FROM matched JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = matched.run_id
"""
# Keys that only parents have, such as the best value of a study, come after all others.
_PARENTS = "LEFT JOIN (SELECT DISTINCT parent FROM nesting) AS above ON above.parent = matched.run"
_PARAMS = f"""
    SELECT p.key, COUNT(*), MIN(p.value), MAX(p.value) FROM params AS p JOIN matched ON matched.run = p.run {_PARENTS}
    {{these}} GROUP BY p.key ORDER BY BOOL_AND(above.parent IS NOT NULL), p.key COLLATE "C"
"""
_RANGES = f"""
    SELECT m.key, MIN(m.value) FILTER (WHERE m.value <> 'NaN'), MAX(m.value) FILTER (WHERE m.value <> 'NaN')
    FROM latest_metrics AS m JOIN matched ON matched.run = m.run {_PARENTS}
    {{these}} GROUP BY m.key ORDER BY BOOL_AND(above.parent IS NOT NULL), m.key COLLATE "C"
"""
_DIRECTIONS = """
    SELECT DISTINCT m.key, t.value FROM latest_metrics AS m JOIN matched ON matched.run = m.run
    JOIN UNNEST(CAST($1 AS VARCHAR[])) AS keys(key) ON keys.key = m.key
    JOIN tags AS t ON t.run = m.run AND t.key = 'direction'
"""
_OF_NESTED = """
    SELECT nesting.parent, m.key, MIN(m.value), MAX(m.value)
    FROM latest_metrics AS m JOIN nesting ON nesting.run = m.run
    JOIN UNNEST(CAST($1 AS BIGINT[])) AS parents(run) ON parents.run = nesting.parent
    WHERE m.value <> 'NaN'{these} GROUP BY nesting.parent, m.key ORDER BY m.key COLLATE "C"
"""
_HOLDERS = """
    SELECT keys.n, MIN(matched.run_id) FROM UNNEST(CAST($1 AS VARCHAR[])) WITH ORDINALITY AS keys(key, n)
    JOIN UNNEST(CAST($2 AS DOUBLE PRECISION[])) WITH ORDINALITY AS bounds(value, n) ON bounds.n = keys.n
    JOIN latest_metrics AS m ON m.key = keys.key AND m.value = bounds.value JOIN matched ON matched.run = m.run
    GROUP BY keys.n ORDER BY keys.n
"""

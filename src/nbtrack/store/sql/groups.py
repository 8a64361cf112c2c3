"""Pages of groups of runs, with statistics over every run of a group, computed in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeGuard

from ...entities import ViewType
from ...query import RUNS, Vocabulary, parse_ordering
from ...query.grouping import ATTRIBUTES, compile_grouping, group_key, has_keys, number_text
from ...query.parser import parse_name
from ...query.sql import check_orderings
from ...query.tree import Key, Operand
from ...query.values import compile_operands
from ...tags import MLFLOW, NBTRACK
from ..protocol import Group, GroupColumn, Groups, GroupStatistic, GroupStatistics
from . import paging
from .aggregates import statistics
from .base import Cursor, Tables, located_names
from .runs import matching
from .survey import directions_of

_NAN = "CAST('NaN' AS DOUBLE PRECISION)"
_RUNS = "runs"
"""The name in an order that stands for the number of runs of a group."""


class GroupTables(Tables):
    """Groups of runs, for `views.groups`."""

    def groups(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        *,
        statistic: GroupStatistic = "mean",
        metrics: Sequence[str] | None = (),
        columns: Sequence[str] = (),
        params: Sequence[str] | None = (),
        baseline: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> Groups:
        """Return a page of the groups of the active runs that match, with a summary of all of them."""
        # These numbers come from a screen and become a part of the SQL statement.
        paging.check_offset(offset)
        paging.check_max_results(limit, 1_000_000)
        vocabulary = located_names(self, RUNS)
        table = vocabulary.key_table("metrics")
        assert table is not None
        of_columns = {name: parse_name(name, vocabulary) for name in columns}
        order = _ordering(order_by, parse_name(by, vocabulary), vocabulary)
        with self.reading() as cursor:
            gather(self, cursor, experiment_ids, filter_string, by)
            counted = cursor.execute("SELECT COALESCE(MAX(g), 0), COUNT(*) FROM matched").fetchone()
            count, total = counted or (0, 0)
            named = [*(keys or ()), *([] if baseline is None else [baseline])]
            wanted = find_groups(cursor, named) if named else {}
            if keys is None:
                page = _page(cursor, order, statistic, offset, limit)
            else:
                page = [wanted[key] for key in dict.fromkeys(keys) if key in wanted]
                cursor.execute(f"DELETE FROM matched WHERE NOT {_among(wanted.values())}")
            found = _described(cursor, [*page, *wanted.values()])
            _add_params(cursor, found, params)
            if metrics is None:
                metrics = _metrics_of(cursor, found)
            of_metrics: dict[Operand, str] = {Key(table, key): key for key in metrics}
            best = _add_statistics(cursor, {number: each.metrics for number, each in found.items()}, of_metrics)
            for name, operand in of_columns.items():
                _add_statistics(cursor, {number: each.columns for number, each in found.items()}, {operand: name})
            measured = [operand.name for operand in [*of_metrics, *of_columns.values()] if _is_metric(operand)]
            directions = _directions(cursor, measured)
            of_best = _described(cursor, {*best.lowest.values(), *best.highest.values()} - found.keys()) | found
            cursor.execute("DROP TABLE matched")
        return Groups(
            [found[number] for number in page],
            count,
            total,
            {metric: of_best[number].key for metric, number in best.lowest.items()},
            {metric: of_best[number].key for metric, number in best.highest.items()},
            list(dict.fromkeys(measured)),
            directions,
            found[wanted[baseline]] if baseline is not None and baseline in wanted else None,
        )

    def group_columns(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[GroupColumn]:
        """Return the names by which the active runs that match can be grouped."""
        found, joins, _, parameters = matching(self, experiment_ids, filter_string, ViewType.ACTIVE_ONLY, ())
        with self.reading() as cursor:
            cursor.execute("DROP TABLE IF EXISTS matched")
            cursor.execute(
                f"CREATE TEMP TABLE matched AS SELECT r.run, r.run_id FROM runs AS r {joins} WHERE {found}", parameters
            )
            rows = cursor.execute(_columns()).fetchall()
            cursor.execute("DROP TABLE matched")
        return [GroupColumn(*row) for row in rows]


def _of_keys(entity: str, condition: str = "TRUE") -> str:
    # Equal numbers are one group, even if they are written differently.
    values = "COUNT(DISTINCT t.number) + COUNT(DISTINCT CASE WHEN t.number IS NULL THEN t.value END)"
    return (
        f"SELECT '{entity}' AS entity, t.key AS name, {values} AS groups, COUNT(*) AS runs FROM {entity} AS t "
        f"JOIN matched ON matched.run = t.run WHERE {condition} GROUP BY t.key"
    )


def _of_attribute(name: str) -> str:
    grouping = compile_grouping(name)
    return (
        f"SELECT '{name.partition('.')[0] if '.' in name else 'attributes'}', '{name.rpartition('.')[2]}', "
        f"COUNT(DISTINCT {grouping.text}), COUNT({grouping.text}) FROM runs AS r "
        f"JOIN matched ON matched.run = r.run {grouping.joins}"
    )


@cache
def _columns() -> str:
    parts = [
        _of_keys("params"),
        _of_keys("tags", f"t.key NOT LIKE '{MLFLOW}%' AND t.key NOT LIKE '{NBTRACK}%'"),
        *map(_of_attribute, ("datasets.name", "datasets.digest", *ATTRIBUTES)),
    ]
    return (
        f"SELECT entity, name, groups, runs FROM ({' UNION ALL '.join(parts)}) AS columns WHERE runs > 0 "
        'ORDER BY entity COLLATE "C", name COLLATE "C"'
    )


def gather(tables: Tables, cursor: Cursor, experiment_ids: Sequence[str] | None, filter_string: str, by: str) -> None:
    """Create the temporary table `matched` of the active runs that match, with the number `g` of each run's group.

    Groups are numbered from 1 in the order of their values: numbers, then strings, then the runs without a value. A row
    has the number of its group in the column `number`, or its string in `value`, and what people read in `label`.
    """
    found, joins, _, parameters = matching(tables, experiment_ids, filter_string, ViewType.ACTIVE_ONLY, ())
    grouping = compile_grouping(by, located_names(tables, RUNS), len(parameters) + 1)
    # An interrupted read may have left its table behind.
    cursor.execute("DROP TABLE IF EXISTS matched")
    cursor.execute(
        f"""
        CREATE TEMP TABLE matched AS
        WITH found AS (SELECT r.run FROM runs AS r {joins} WHERE {found}),
        valued AS (
            SELECT r.run, r.run_id, {grouping.number} AS number, {grouping.text} AS value, {grouping.label} AS label
            FROM runs AS r JOIN found ON found.run = r.run {grouping.joins})
        SELECT run, run_id, number, CASE WHEN number IS NULL THEN value END AS value, label,
               DENSE_RANK() OVER (ORDER BY
                   CASE WHEN number IS NOT NULL THEN 0 WHEN value IS NOT NULL THEN 1 ELSE 2 END,
                   number, CASE WHEN number IS NULL THEN label END COLLATE "C",
                   CASE WHEN number IS NULL THEN value END COLLATE "C") AS g
        FROM valued
        """,
        [*parameters, *grouping.parameters],
    )


def find_groups(cursor: Cursor, keys: Sequence[str]) -> dict[str, int]:
    """Return the numbers in `matched` of the groups with these keys that exist."""
    condition, parameters = has_keys(keys, "number", "value")
    rows = cursor.execute(
        f"SELECT g, MIN(number), MIN(value) FROM matched WHERE {condition} GROUP BY g", parameters
    ).fetchall()
    return {group_key(number, value): g for g, number, value in rows}


@dataclass(frozen=True, slots=True)
class _Term:
    """One clause of the order of groups, by a name of the query language, the groups' own value or their runs."""

    descending: bool
    operand: Operand | None
    is_value: bool = False


def _ordering(order_by: Sequence[str], grouped_by: Operand, vocabulary: Vocabulary) -> list[_Term]:
    terms = []
    for clause in check_orderings(order_by):
        words = clause.split() if isinstance(clause, str) else []
        if words and words[0].lower() == _RUNS and [word.upper() for word in words[1:]] in ([], ["ASC"], ["DESC"]):
            terms.append(_Term(words[-1].upper() == "DESC", None))
        else:
            one = parse_ordering(clause, vocabulary)
            terms.append(_Term(one.descending, one.operand, one.operand == grouped_by))
    return terms


def _page(cursor: Cursor, order: Sequence[_Term], statistic: GroupStatistic, offset: int, limit: int) -> list[int]:
    """Return the numbers of the groups of a page, in their order."""
    measured = compile_operands([each.operand for each in order if each.operand and not each.is_value])
    selected = ["r.run"]
    for i, column in enumerate(measured.columns):
        selected += [f"{_without_nan(column.number)} AS m{i}", f"{column.text} AS t{i}"]
    terms: list[str] = []
    i = 0
    for each in order:
        way = "DESC" if each.descending else "ASC"
        if each.is_value:
            terms += [
                "CASE WHEN COUNT(matched.number) + COUNT(matched.value) = 0 THEN 1 ELSE 0 END",
                f"matched.g {way}",
            ]
        elif each.operand is None:
            terms.append(f"COUNT(*) {way}")
        else:
            value = statistics(f"m{i}")[statistic]
            terms.append(f"CASE WHEN {value} IS NULL THEN 2 WHEN {value} = {_NAN} THEN 1 ELSE 0 END")
            # Groups without a number are ordered by their first string.
            text = f'CASE WHEN COUNT(m{i}) = 0 THEN MIN(t{i} COLLATE "C") END'
            terms += [f"{value} {way}", f"{text} {way} NULLS LAST"]
            i += 1
    rows = cursor.execute(
        f"SELECT matched.g FROM matched LEFT JOIN (SELECT {', '.join(selected)} FROM runs AS r "
        f"JOIN matched ON matched.run = r.run {measured.joins}) AS measured ON measured.run = matched.run "
        f"GROUP BY matched.g ORDER BY {', '.join([*terms, 'matched.g'])} LIMIT {limit} OFFSET {offset}",
        measured.parameters,
    ).fetchall()
    return [number for (number,) in rows]


def _described(cursor: Cursor, numbers: Iterable[int]) -> dict[int, Group]:
    """Return groups by their numbers, without statistics and params."""
    listed = ", ".join(map(str, dict.fromkeys(numbers)))
    if not listed:
        return {}
    rows = cursor.execute(
        f"""
        SELECT g, MIN(number), MIN(value), MIN(label COLLATE "C"), MAX(label COLLATE "C"), COUNT(*) FROM matched
        WHERE g IN ({listed}) GROUP BY g
        """
    ).fetchall()
    return {
        g: Group(
            group_key(number, value),
            # The same number may be written in several ways.
            label if label == last or number is None else number_text(number),
            runs,
        )
        for g, number, value, label, last, runs in rows
    }


def _among(numbers: Iterable[int]) -> str:
    """Return the SQL that is true for the runs of some groups, by their numbers."""
    listed = ", ".join(map(str, numbers))
    return f"g IN ({listed})" if listed else "FALSE"


def _metrics_of(cursor: Cursor, numbers: Iterable[int]) -> list[str]:
    """Return the names of the metrics that runs of some groups have."""
    rows = cursor.execute(
        "SELECT DISTINCT k.key FROM latest_metrics AS k JOIN matched ON matched.run = k.run "
        f"WHERE matched.{_among(numbers)}"
    ).fetchall()
    return sorted(key for (key,) in rows)


def _add_params(cursor: Cursor, groups: Mapping[int, Group], params: Sequence[str] | None) -> None:
    """Add the params that are the same in all runs of a group, and how many values the others have. None adds all."""
    if not groups or (params is not None and not params):
        return
    wanted = "TRUE" if params is None else "p.key IN (SELECT UNNEST(CAST($1 AS VARCHAR[])))"
    rows = cursor.execute(
        f"""
        SELECT matched.g, p.key, COUNT(*), COUNT(DISTINCT p.value), MIN(p.value) FROM params AS p
        JOIN matched ON matched.run = p.run
        WHERE matched.{_among(groups)} AND {wanted}
        GROUP BY matched.g, p.key ORDER BY p.key COLLATE "C"
        """,
        [] if params is None else [list(params)],
    ).fetchall()
    for g, key, having, values, value in rows:
        if having == groups[g].runs and values == 1:
            groups[g].params[key] = value
        else:
            groups[g].differing[key] = values + (having < groups[g].runs)


@dataclass(frozen=True, slots=True)
class _Best:
    """The numbers of the groups with the lowest and the highest mean of each metric."""

    lowest: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)


def _add_statistics(
    cursor: Cursor, groups: Mapping[int, dict[str, GroupStatistics]], measured: Mapping[Operand, str]
) -> _Best:
    """Add the statistics of names to groups, and return the groups with the best means of all."""
    best = _Best()
    if not measured:
        return best
    by_value: dict[str, list[Key]] = {}
    others: list[Operand] = []
    for operand in measured:
        # Runs without a metric have a count of 0, so that it is not read from the metrics that exist.
        if _is_metric(operand) and not _is_count(operand):
            by_value.setdefault(operand.function.sql if operand.function else "k.value", []).append(operand)
        else:
            others.append(operand)
    for sql, keys in by_value.items():
        names = {key.name: measured[key] for key in keys}
        found = (
            f"SELECT matched.g, k.key, {_without_nan(sql)} AS m FROM latest_metrics AS k "
            "JOIN matched ON matched.run = k.run WHERE k.key IN (SELECT UNNEST(CAST($1 AS VARCHAR[])))"
        )
        _read_statistics(cursor, groups, found, [list(names)], names, best)
    for operand in others:
        values = compile_operands([operand])
        found = (
            f"SELECT matched.g, '' AS key, {_without_nan(values.columns[0].number)} AS m FROM runs AS r "
            f"JOIN matched ON matched.run = r.run {values.joins}"
        )
        _read_statistics(cursor, groups, found, values.parameters, {"": measured[operand]}, best)
    return best


def _read_statistics(
    cursor: Cursor,
    groups: Mapping[int, dict[str, GroupStatistics]],
    found: str,
    parameters: Sequence[Any],
    names: Mapping[str, str],
    best: _Best,
) -> None:
    answers = ", ".join(f'{sql} AS "{name}"' for name, sql in statistics("m").items())
    listed = _among(groups)
    ranked = f'PARTITION BY key ORDER BY CASE WHEN "mean" IS NULL OR "mean" = {_NAN} THEN 1 ELSE 0 END, "mean"'
    rows = cursor.execute(
        f"""
        WITH found AS ({found}), summary AS (SELECT g, key, {answers} FROM found GROUP BY g, key),
        ranked AS (
            SELECT *, ROW_NUMBER() OVER ({ranked} ASC, g) AS low, ROW_NUMBER() OVER ({ranked} DESC, g) AS high
            FROM summary)
        SELECT g, key, n, "mean", "std", "min", "max", low, high FROM ranked WHERE low = 1 OR high = 1 OR {listed}
        """,
        parameters,
    ).fetchall()
    order = {key: place for place, key in enumerate(names)}
    for g, key, n, mean, std, low, high, lowest, highest in sorted(rows, key=lambda row: order[row[1]]):
        if g in groups:
            groups[g][names[key]] = GroupStatistics(n, mean, std, low, high)
        if mean is not None and mean == mean:
            if lowest == 1:
                best.lowest[names[key]] = g
            if highest == 1:
                best.highest[names[key]] = g


def _directions(cursor: Cursor, metrics: Sequence[str]) -> dict[str, str]:
    """Return whether studies among the runs minimize or maximize each metric."""
    asked = [*metrics, *(f"best_{key.removeprefix('intermediate_')}" for key in metrics)]
    rows = cursor.execute(
        "SELECT DISTINCT m.key FROM latest_metrics AS m JOIN matched ON matched.run = m.run "
        "WHERE m.key IN (SELECT UNNEST(CAST($1 AS VARCHAR[])))",
        [list(dict.fromkeys(asked))],
    ).fetchall()
    return directions_of(cursor, [key for (key,) in rows])


def _is_metric(operand: Operand) -> TypeGuard[Key]:
    return isinstance(operand, Key) and operand.table.entity == "metrics"


def _is_count(key: Key) -> bool:
    return key.function is not None and key.function.name == "count"


def _without_nan(sql: str) -> str:
    return f"CASE WHEN {sql} <> {_NAN} THEN {sql} END"

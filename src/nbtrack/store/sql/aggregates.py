"""Statistics over groups of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...entities import ViewType
from ...names import SYSTEM
from ...query import RUNS
from ...query.grouping import number_text
from ...query.values import ValueColumn, compile_values
from .base import Tables, located_names
from .runs import matching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..protocol import Columns

STATISTICS = ("n", "mean", "std", "min", "max")
_LARGE = 1e150
"""The square of a larger number does not fit into a double, so such numbers and infinity have no standard deviation."""


class AggregateTables(Tables):
    """Statistics over runs."""

    def aggregate(
        self, experiment_ids: Sequence[str] | None, filter_string: str, by: Sequence[str], of: Sequence[str] | None
    ) -> Columns:
        """Return statistics over the active runs that match, one row for each combination of the values of `by`."""
        found, joins, _, parameters = matching(self, experiment_ids, filter_string, ViewType.ACTIVE_ONLY, ())
        matched = f"SELECT r.run FROM runs AS r {joins} WHERE {found}"
        with self.reading() as cursor:
            if of is None:
                keys = cursor.execute(
                    f"SELECT DISTINCT key FROM latest_metrics WHERE run IN ({matched})", parameters
                ).fetchall()
                of = [f"metrics.{_quoted(key)}" for (key,) in sorted(keys) if not key.startswith(SYSTEM)]
            values = compile_values([*by, *of], located_names(self, RUNS), len(parameters) + 1)
            groups, measures = values.columns[: len(by)], values.columns[len(by) :]
            sql = _sql(matched, values.joins, groups, measures)
            answer = cursor.execute(sql, [*parameters, *values.parameters]).fetchnumpy()
        columns: Columns = {
            group.label: _shown(group, answer[f"g{i}"], answer[f"t{i}"]) for i, group in enumerate(groups)
        }
        columns["runs"] = answer["runs"]
        for i, measure in enumerate(measures):
            for name in STATISTICS:
                columns[f"{measure.label}.{name}"] = answer[f"{name}{i}"]
        return columns


def _sql(matched: str, joins: str, groups: Sequence[ValueColumn], measures: Sequence[ValueColumn]) -> str:
    selected = ["r.run"]
    selected += [f"{each.text} AS t{i}, {each.key} AS k{i}, {each.number} AS g{i}" for i, each in enumerate(groups)]
    selected += [f"CASE WHEN {m.number} <> 'NaN' THEN {m.number} END AS m{i}" for i, m in enumerate(measures)]
    answers, keys, order = ["COUNT(*) AS runs"], [], []
    for i in range(len(groups)):
        answers.append(f"g{i}, MIN(t{i}) AS t{i}")
        # Equal numbers are one group, even if they are written differently.
        keys.append(f"g{i}, CASE WHEN g{i} IS NULL THEN k{i} END")
        order += [f"CASE WHEN MIN(t{i}) IS NULL THEN 2 WHEN g{i} IS NULL THEN 1 ELSE 0 END", f"g{i}"]
        order += [f'CASE WHEN g{i} IS NULL THEN MIN({each}{i}) END COLLATE "C"' for each in ("t", "k")]
    answers += [f"{sql} AS {name}{i}" for i in range(len(measures)) for name, sql in statistics(f"m{i}").items()]
    grouped = f"GROUP BY {', '.join(keys)} ORDER BY {', '.join(order)}" if groups else "HAVING COUNT(*) > 0"
    return (
        f"WITH matched AS ({matched}), found AS (SELECT {', '.join(selected)} FROM runs AS r "
        f"JOIN matched ON matched.run = r.run {joins}) SELECT {', '.join(answers)} FROM found {grouped}"
    )


def statistics(column: str) -> dict[str, str]:
    """Return the SQL of each statistic of a column of numbers, in which NaN must be NULL."""
    small = f"CASE WHEN ABS({column}) < {_LARGE} THEN {column} END"
    # PostgreSQL's AVG fails if the square of a number does not fit into a double.
    return {
        "n": f"COUNT({column})",
        "mean": f"SUM({column}) / COUNT({column})",
        "std": f"CASE WHEN MAX(ABS({column})) < {_LARGE} THEN STDDEV_SAMP({small}) END",
        "min": f"MIN({column})",
        "max": f"MAX({column})",
    }


def _shown(group: ValueColumn, numbers: NDArray[Any], texts: NDArray[Any]) -> NDArray[Any]:
    """Return the values of a group: numbers if all of them are numbers, else strings."""
    import numpy as np

    missing, no_number = np.ma.getmaskarray(texts), np.ma.getmaskarray(numbers)
    if group.shows == "number" or (group.shows == "either" and not (no_number & ~missing).any()):
        return np.ma.masked_array(np.ma.getdata(numbers), mask=missing)
    shown = np.ma.getdata(texts).astype(object)
    shown[missing] = None
    if group.shows == "either":
        # One string for each number, even if it is written differently in the runs of this row.
        for row in np.flatnonzero(~no_number & ~missing):
            shown[row] = number_text(float(numbers[row]))
    return shown


def _quoted(key: str) -> str:
    return "`" + key.replace("`", "``") + "`"

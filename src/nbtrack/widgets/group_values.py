"""Groups of runs as Python names them: by the value of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from ..errors import InvalidParameter, NotFound
from ..frame import from_columns
from ..query.grouping import MISSING, group_key
from ..query.parser import parse_name
from ..query.vocabulary import Kind
from ..store.protocol import Group, GroupStatistics
from ..views.source import Reading

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

MOST_GROUPS = 1_000_000
_NOTHING = GroupStatistics(0, None, None, None, None)
_SHOWN = 5
"""How many values an error lists."""


def group_of(
    reading: Reading, experiment_ids: Sequence[str] | None, filter_string: str, group: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the column and the key of a group that is given as its column and its value.

    Args:
        reading: The store.
        experiment_ids: The experiments of the runs. None stands for all.
        filter_string: The filter of the runs.
        group: One column with a value, such as {"params.optimizer": "adam"}. None stands for the runs without a value.
            A parent run is given by its ID, or by its name if no other parent has it.

    Raises:
        InvalidParameter: If it is not one column, if runs cannot be grouped by it, or if several parents have the name.
        NotFound: If no run has the value.
    """
    if len(group) != 1:
        raise InvalidParameter(
            'A group must be one column with its value, such as {"params.optimizer": "adam"}, '
            f"not {dict(group)!r:.80}."
        )
    ((column, value),) = group.items()
    written = None if value is None else str(getattr(getattr(value, "info", None), "run_id", value))
    found = all_groups(reading, experiment_ids, filter_string, column)
    known = {each.key for each in found}
    for key in _keys(value, written):
        if key in known:
            return column, key
    named = [each.key for each in found if each.value == written]
    if len(named) > 1:
        raise InvalidParameter(f"{len(named)} parent runs have the name {written!r:.80}. Use the ID of one of them.")
    if not named:
        values = [each.value for each in found if each.value is not None]
        near = get_close_matches(written or "", values, _SHOWN, 0.6) or values[:_SHOWN]
        hint = f" Some values are {', '.join(f'{each!r:.40}' for each in near)}." if near else ""
        raise NotFound(f"None of the runs has {column} = {value!r:.80}.{hint}")
    return column, named[0]


def _keys(value: Any, written: str | None) -> list[str]:
    """Return the keys that a value may have: that of a string, and that of a number if it is one."""
    keys = [group_key(None, written)]
    if not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            keys.append(group_key(float(value), None))
    return keys


def value_of(
    reading: Reading, experiment_ids: Sequence[str] | None, filter_string: str, column: str, key: str
) -> str | float | None:
    """Return the value of a group: a number, a string, or None for the runs without a value.

    A parent run is returned as its ID.
    """
    kind, _, value = key.partition(":")
    if kind == "n":
        number = float(value)
        return int(number) if number.is_integer() and "." not in value and "e" not in value else number
    if kind == "s":
        return value
    if key == MISSING:
        return None
    group = reading.groups(experiment_ids, filter_string, column, [], 0, 1, baseline=key).baseline
    return key if group is None else group.value


def all_groups(reading: Reading, experiment_ids: Sequence[str] | None, filter_string: str, column: str) -> list[Group]:
    """Return all groups of runs, without statistics."""
    return reading.groups(experiment_ids, filter_string, column, [], 0, MOST_GROUPS).groups


def table_of(groups: Sequence[Group], column: str, metrics: Sequence[str]) -> pandas.DataFrame:
    """Return groups as a table with the columns of `nbtrack.aggregate`."""
    import numpy as np

    operand = parse_name(column)
    values = [each.key.removeprefix("n:") if each.key.startswith("n:") else each.value for each in groups]
    known = [each.key for each in groups if each.key != MISSING]
    # As for `aggregate`, the values are numbers if all of them are.
    is_number = operand.kind is Kind.VALUE and all(key.startswith("n:") for key in known)
    table: dict[str, NDArray[Any]] = {
        str(operand): np.array(values, dtype=np.float64 if is_number else object),
        "runs": np.array([each.runs for each in groups], dtype=np.int64),
    }
    for metric in metrics:
        found = [each.metrics.get(metric, _NOTHING) for each in groups]
        label = f"metrics.{metric}"
        table[f"{label}.n"] = np.array([one.n for one in found], dtype=np.int64)
        table[f"{label}.mean"] = np.array([one.mean for one in found], dtype=np.float64)
        table[f"{label}.std"] = np.array([one.std for one in found], dtype=np.float64)
        table[f"{label}.min"] = np.array([one.low for one in found], dtype=np.float64)
        table[f"{label}.max"] = np.array([one.high for one in found], dtype=np.float64)
    return cast("pandas.DataFrame", from_columns(table, "pandas"))

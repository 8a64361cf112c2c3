"""Groups of runs in the form that screens know."""

from __future__ import annotations

from ..store.protocol import Group
from ..store.protocol import GroupStatistics as Statistics
from .contract import GroupRow, GroupStatistics, Number
from .numbers import number


def group_row(group: Group) -> GroupRow:
    """Return the row of a group."""
    return {
        "key": group.key,
        "value": group.value,
        "runs": group.runs,
        "params": group.params,
        "differing": group.differing,
        "metrics": {key: statistics_of(one) for key, one in group.metrics.items()},
        "columns": {name: statistics_of(one) for name, one in group.columns.items()},
    }


def statistics_of(found: Statistics) -> GroupStatistics:
    """Return statistics as numbers that JSON can carry."""
    return {
        "n": found.n,
        "mean": _number(found.mean),
        "std": _number(found.std),
        "min": _number(found.low),
        "max": _number(found.high),
    }


def _number(value: float | None) -> Number | None:
    return None if value is None else number(value)

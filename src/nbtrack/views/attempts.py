"""What changed between a run and the previous attempt, which is the run that the same cell created the time before.

A run that is not of a cell is compared with the run before it in the same experiment.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Literal, Protocol

from ..capture import code_hash
from ..directions import Directions
from ..entities import Run, RunStatus
from ..errors import NotFound
from ..names import filter_value
from ..tags import ATTEMPT, CELL_SOURCE, PARENT, PREVIOUS_RUN
from .contract import Attempt, Change
from .runs import own_metrics
from .source import Source

_MOST_COMPARED_LINES = 5_000
"""The largest number of lines of a cell whose difference is computed."""


class Runs(Protocol):
    """Looks up runs and the directions of metrics. A `Client` satisfies it."""

    @property
    def directions(self) -> Directions:
        """Which values of each metric are better."""
        ...

    def get_run(self, run_id: str) -> Run:
        """Return a run. Raises NotFound if it does not exist."""
        ...


def attempt_of(client: Runs, run: Run) -> Attempt | None:
    """Return which attempt of its cell a run is and what differs from the one before, or None for a first attempt.

    While the run is active, only what it has logged so far is compared. If the previous run does not exist anymore, the
    result is None too.
    """
    previous = _previous_attempt(client, run)
    return None if previous is None else changes_since(previous, run, client.directions)


def earlier_run(source: Source, run: Run) -> Run | None:
    """Return the previous attempt of the run's cell, or else the run before it in the same experiment and parent."""
    previous = _previous_attempt(source, run)
    if previous is not None:
        return previous
    parent = run.data.tags.get(PARENT)
    is_sibling = "IS NULL" if parent is None else f"= {filter_value(parent)}"
    found = source.reading.survey(
        [run.info.experiment_id],
        f"attributes.start_time < {run.info.start_time} AND tags.`{PARENT}` {is_sibling}",
        ["attributes.start_time DESC"],
        *(0, 1, False, []),
    )
    return source.get_run(found.runs[0].info.run_id) if found.runs else None


def changes_since(previous: Run, run: Run, directions: Directions) -> Attempt:
    """Return what differs between a run and one before it."""
    tags = run.data.tags
    # Anybody can set the tag, and Python converts no string of thousands of digits.
    number = tags.get(ATTEMPT, "")[:9]
    is_attempt = tags.get(PREVIOUS_RUN) == previous.info.run_id
    return {
        "number": None if not is_attempt else int(number) if number.isdecimal() else 2,
        "previous_run_id": previous.info.run_id,
        "previous_run_name": previous.info.run_name,
        "changes": _changes(previous, run, directions),
        "code_changed": _code_changed(previous, run),
    }


def judgement(change: Change) -> str:
    """Return the words that say in a line of text whether the new value of a metric is better. Empty if unknown."""
    better = change.get("better")
    return "" if better is None else " (better)" if better else " (worse)"


def code_diff(previous: Run, run: Run) -> list[str]:
    """Return the lines that differ between the sources of two runs' cells, with two lines around each change."""
    old, new = (one.data.tags.get(CELL_SOURCE, "").splitlines() for one in (previous, run))
    if not old or not new or max(len(old), len(new)) > _MOST_COMPARED_LINES:
        return []
    # The first two lines name files.
    return list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]


def _previous_attempt(client: Runs, run: Run) -> Run | None:
    previous_id = run.data.tags.get(PREVIOUS_RUN)
    if not previous_id:
        return None
    try:
        return client.get_run(previous_id)
    except NotFound:
        return None


def _changes(previous: Run, run: Run, directions: Directions) -> list[Change]:
    active = run.info.status not in RunStatus.ENDED
    changes = _differences("param", previous.data.params, run.data.params, only_present=active)
    before, after = own_metrics(previous.data.metrics), own_metrics(run.data.metrics)
    old, new = _formatted(before, after), _formatted(after, before)
    for change in _differences("metric", old, new, only_present=active):
        key = change["key"]
        # While the run is active, its metrics are not its results yet.
        if not active and key in before and key in after:
            change["better"] = _is_better(after[key], before[key], directions.lower_is_better(key))
        changes.append(change)
    return changes


def _is_better(new: float, old: float, lower_is_better: bool) -> bool:
    """Return whether a value that differs from the old one is better. NaN is worse than any number."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old)
    return new < old if lower_is_better else new > old


def _differences(
    kind: Literal["param", "metric"], old: Mapping[str, str], new: Mapping[str, str], *, only_present: bool
) -> list[Change]:
    keys = new.keys() if only_present else old.keys() | new.keys()
    return [
        {"kind": kind, "key": key, "old": old.get(key), "new": new.get(key)}
        for key in sorted(keys)
        if old.get(key) != new.get(key)
    ]


def _formatted(metrics: Mapping[str, float], others: Mapping[str, float]) -> dict[str, str]:
    """Format metrics with six digits, or with all digits if six would hide a difference from the other value.

    As a string, NaN equals itself.
    """
    return {key: _format(value, others.get(key, value)) for key, value in metrics.items()}


def _format(value: float, other: float) -> str:
    short = f"{value:.6g}"
    return repr(value) if short == f"{other:.6g}" and value != other else short


def _code_changed(previous: Run, run: Run) -> bool:
    old, new = previous.data.tags.get(CELL_SOURCE), run.data.tags.get(CELL_SOURCE)
    if old is None or new is None or old == new:
        return False
    return code_hash(old) != code_hash(new)

"""What this process has seen of its runs beside what they logged: their progress, their output, their warnings.

`runs/observer.py` notes it. Screens of the same process read it here at once, and screens of other processes read what
the observer has kept in the store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

OUTPUT_FILE = "nbtrack/output.txt"
"""The artifact with the last lines of the output."""
MOST_LINES = 100
LONGEST_LINE = 500
MOST_WARNINGS = 50
MOST_RUNS = 50
"""How many runs that have ended are remembered."""
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is."""

    done: float
    total: float | None
    """None if it is not known."""
    label: str
    seconds_left: float | None
    """Estimated at the time `at`. None if it cannot be estimated, or if nothing is left to do."""
    at: int
    """When `done` changed last, in milliseconds since the epoch."""

    def to_json(self) -> str:
        """Return the progress as the value of a tag."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunProgress | None:
        """Return the progress in the value of a tag, which anybody can write, or None if it is not valid."""
        fields = _parsed(text)
        if not isinstance(fields, dict):
            return None
        done, at, label = number(fields.get("done")), number(fields.get("at")), fields.get("label")
        if done is None or at is None or not isinstance(label, str):
            return None
        return cls(done, number(fields.get("total")), label[:_LONGEST], number(fields.get("seconds_left")), int(at))


@dataclass(frozen=True, slots=True)
class ShownWarning:
    """A Python warning, and how often it was shown."""

    category: str
    message: str
    count: int


def warnings_to_json(warnings: Sequence[ShownWarning]) -> str:
    """Return warnings as the value of a tag."""
    return json.dumps([asdict(each) for each in warnings])


def warnings_from_json(text: str) -> list[ShownWarning]:
    """Return the warnings in the value of a tag, which anybody can write. Those that are not valid are left out."""
    entries = _parsed(text)
    found = []
    for entry in entries[:MOST_WARNINGS] if isinstance(entries, list) else ():
        match entry:
            case {"category": str(category), "message": str(message), "count": int(count)}:
                found.append(ShownWarning(category[:_LONGEST], message[:_LONGEST], count))
    return found


def number(value: object) -> float | None:
    """Return a value as a finite float that is not negative, or None if it is not one."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Observation(Protocol):
    """What is known of one run. It can be read from any thread."""

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""

    def progress(self) -> RunProgress | None:
        """Return how far the run is, or None if it does not say so."""

    def output(self) -> list[str]:
        """Return the last lines that the process wrote to stdout and stderr during the run."""

    def warnings(self) -> list[ShownWarning]:
        """Return the warnings that were shown during the run."""


_by_run: dict[str, Observation] = {}


def of_run(run_id: str) -> Observation | None:
    """Return what this process has seen of a run, or None for a run of another process or of long ago."""
    return _by_run.get(run_id)


def add(run_id: str, observation: Observation) -> None:
    """Remember a run. Of the runs that have ended, the oldest are forgotten."""
    _by_run.pop(run_id, None)
    _by_run[run_id] = observation
    ended = [key for key, each in list(_by_run.items()) if not each.is_open]
    for key in ended[:-MOST_RUNS]:
        _by_run.pop(key, None)


def forget_all() -> None:
    """Forget all runs, because a forked child does not run them."""
    _by_run.clear()

"""Times and lengths of time as a filter writes them, in milliseconds."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta

MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
"""The units of a length of time; a day has 24 hours, whatever the clocks do."""

_PART = re.compile(r"([0-9.]+)(ms|[smhdw])")
LARGEST = 10**18
"""Milliseconds that a database keeps exactly."""


def now() -> int:
    """The time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def duration(text: str) -> int | float:
    """The length of a time such as `90s`, `1.5h` or `2h30m`; inf where it is beyond any number."""
    return exact(sum(float(number) * MILLISECONDS[unit] for number, unit in _PART.findall(text)))


def moment(text: str) -> int:
    """The epoch milliseconds of an ISO date (its first moment) or date and time, local where it names no zone.

    Raises ValueError for what is none, or lies outside of the years that can be said.
    """
    return _milliseconds(datetime.fromisoformat(text.strip()))


def day(text: str) -> tuple[int, int] | None:
    """The first millisecond of a day written as an ISO date, and the first after it; None for all other texts."""
    try:
        written = date.fromisoformat(text.strip())
        following = written + timedelta(days=1)
        return _milliseconds(datetime(*written.timetuple()[:3])), _milliseconds(datetime(*following.timetuple()[:3]))
    except (ValueError, OverflowError):
        return None


def exact(milliseconds: float) -> int | float:
    """The number as an integer, if it is a whole one that a database keeps exactly."""
    if abs(milliseconds) < LARGEST and float(milliseconds).is_integer():
        return int(milliseconds)
    return milliseconds


def _milliseconds(at: datetime) -> int:
    try:
        return round(at.timestamp() * 1000)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from error

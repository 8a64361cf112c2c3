"""Converts the times and durations of a filter to milliseconds."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta

MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
"""The units of a duration. A day always has 24 hours, also when daylight saving time begins or ends."""

_PART = re.compile(r"([0-9.]+)(ms|[smhdw])")
LARGEST = 10**18
"""Larger numbers of milliseconds are not kept exactly by a database."""


def now() -> int:
    """Return the current time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def duration(text: str) -> int | float:
    """Return the milliseconds of a duration such as `90s`, `1.5h` or `2h30m`; inf if it is too large for a float."""
    return exact(sum(float(number) * MILLISECONDS[unit] for number, unit in _PART.findall(text)))


def moment(text: str) -> int:
    """Return the milliseconds since the epoch of an ISO date and time, or of the start of an ISO date.

    A time without a time zone is local. Raises ValueError if the string is not such a time, or if its year is out of
    range.
    """
    return _milliseconds(datetime.fromisoformat(text.strip()))


def day(text: str) -> tuple[int, int] | None:
    """Return the first millisecond of an ISO date and the first one after it, or None for any other string."""
    try:
        written = date.fromisoformat(text.strip())
        following = written + timedelta(days=1)
        return _milliseconds(datetime(*written.timetuple()[:3])), _milliseconds(datetime(*following.timetuple()[:3]))
    except (ValueError, OverflowError):
        return None


def exact(milliseconds: float) -> int | float:
    """Return the number as an integer if it is one and a database keeps it exactly, else unchanged."""
    if abs(milliseconds) < LARGEST and float(milliseconds).is_integer():
        return int(milliseconds)
    return milliseconds


def _milliseconds(at: datetime) -> int:
    try:
        return round(at.timestamp() * 1000)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from error

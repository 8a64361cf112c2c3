"""The alerts of a run: each is shown once, counted, and kept in a tag of the run with its first and its last point."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
import warnings
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from .. import config
from ..entities import Alert
from ..errors import AlertWarning
from ..names import filter_name

MOST_ALERTS = 100
"""The most alerts that a run keeps. Further ones are neither kept nor shown."""
_SECONDS = 2.0
"""Seconds between two writes of counts that are not powers of two."""
_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


class Point(NamedTuple):
    """A point that was logged."""

    key: str
    value: float
    step: int
    time: int


class Condition(Protocol):
    """A condition of an alert."""

    text: str
    """The condition as a filter."""

    def names(self, key: str) -> bool:
        """Return whether the condition names a metric."""
        ...

    def met_by(self, points: list[Point]) -> Point | None:
        """Take the points of a log call. Return the one that the condition names if it holds now, or None."""
        ...

    def raised(self, alert: Alert) -> None:
        """Do what the user wants when the condition is met for the first time."""
        ...


class AlertLog:
    """The alerts of one run. Threads can share it.

    Args:
        run_name: The name of the run.
        saved: The value of the run's tag, with the alerts of an earlier process.
    """

    def __init__(self, run_name: str, saved: str = "") -> None:
        self._run_name = run_name
        self._alerts = {(one.condition, one.key): one for one in read_alerts(saved)}
        self._shown: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._is_saved = True
        self._saved_at = -_SECONDS

    def add(self, condition: str, point: Point) -> tuple[Alert, bool]:
        """Count an alert. Return it, and whether it is to be shown, as the first one of its kind in this process."""
        kind = (condition, point.key)
        with self._lock:
            known = self._alerts.get(kind)
            is_kept = known is not None or len(self._alerts) < MOST_ALERTS
            key, value, step, at = point
            if known is None:
                known = Alert(condition, key, step, value, at, 0, step, value, at)
            alert = replace(known, count=known.count + 1, last_step=step, last_value=value, last_time=at)
            if not is_kept:
                return alert, False
            self._alerts[kind] = alert
            self._is_saved = False
            if alert.count & (alert.count - 1) == 0:
                self._saved_at = -_SECONDS
            is_first = kind not in self._shown
            self._shown.add(kind)
        return alert, is_first

    def unsaved(self, *, at_end: bool = False) -> str | None:
        """Return the value of the tag if it is to be written now, or None.

        So that a million alerts are not a million events, counts are written when they are powers of two, every two
        seconds, and at the end.
        """
        with self._lock:
            now = time.monotonic()
            if self._is_saved or not (at_end or now - self._saved_at >= _SECONDS):
                return None
            self._is_saved, self._saved_at = True, now
            return json.dumps([_to_dict(alert) for alert in self._alerts.values()])

    def show(self, alert: Alert) -> None:
        """Issue the warning about an alert. It cannot end the training, even where warnings are errors."""
        message = (
            f"Run {self._run_name!r:.80}: {alert.condition} at step {alert.step}. "
            f"The value of {alert.key!r:.80} is {alert.value}."
        )
        try:
            warnings.warn(message, AlertWarning, stacklevel=_frames_of_nbtrack())
        except Warning:
            print(message, file=sys.stderr)


def non_finite(point: Point) -> str | None:
    """Return the condition that a point has met by itself, because it is NaN or infinite, or None."""
    if math.isfinite(point.value) or not config.is_on("ALERT_ON_NAN"):
        return None
    return f"{filter_name('metrics', point.key)} = {_NAMES[repr(point.value)]}"


def read_alerts(text: str) -> list[Alert]:
    """Return the alerts in the value of a tag, without what is not one: anybody can set a tag."""
    try:
        found = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return []
    alerts = [_from_dict(one) for one in found[:MOST_ALERTS]] if isinstance(found, list) else []
    return [one for one in alerts if one is not None]


def _to_dict(alert: Alert) -> dict[str, Any]:
    return {name: _NAMES.get(repr(value), value) for name, value in dict(alert).items()}


def _from_dict(fields: Any) -> Alert | None:
    if not isinstance(fields, dict) or fields.keys() != _TYPES.keys():
        return None
    values = dict(fields)
    for name in ("value", "last_value"):
        if values[name] in _NAMES.values() or type(values[name]) is int:
            values[name] = _to_float(values[name])
    valid = all(type(values[name]) is kind for name, kind in _TYPES.items())
    return Alert(**values) if valid and all(abs(values[name]) < 2**63 for name in _INTEGERS) else None


def _to_float(value: Any) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


_INTEGERS = ("step", "time", "count", "last_step", "last_time")
_TYPES: dict[str, type] = {
    "condition": str,
    "key": str,
    "step": int,
    "value": float,
    "time": int,
    "count": int,
    "last_step": int,
    "last_value": float,
    "last_time": int,
}


def _frames_of_nbtrack() -> int:
    """Return the `stacklevel` of the code that called nbtrack."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level

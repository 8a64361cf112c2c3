"""Conditions in the query language on the metrics of a run of this process."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..entities import Alert, Metric
from ..errors import InvalidParameter, StoreError
from ..journal.alerts import Point
from ..names import check_string
from ..query import parse
from ..query.evaluation import holds, operands
from ..query.tree import Key, Value

if TYPE_CHECKING:
    from ..client import Client
    from ..journal import RunRecorder


@dataclass(slots=True)
class _Summary:
    """The summary of a metric's points that the functions of the query language need.

    As in the store, points are ordered by step, then by time, then by value. Of points with the same step and time, NaN
    is neither the first nor the last one, unless all are NaN.
    """

    count: int = 0
    numbers: int = 0
    """How many values are not NaN."""
    total: float = 0.0
    low: float = math.nan
    high: float = math.nan
    first: tuple[int, int, bool, float] = (0, 0, False, 0.0)
    last: tuple[int, int, bool, float] = (0, 0, False, 0.0)

    def add(self, value: float, step: int, time: int) -> None:
        is_nan = math.isnan(value)
        first, last = (step, time, is_nan, value), (step, time, not is_nan, value)
        self.first = min(self.first, first) if self.count else first
        self.last = max(self.last, last) if self.count else last
        self.count += 1
        if not is_nan:
            self.low = min(self.low, value) if self.numbers else value
            self.high = max(self.high, value) if self.numbers else value
            self.total += value
            self.numbers += 1

    def value(self, function: str | None) -> float | int | None:
        """Return the value of a function, or of the metric itself if `function` is None."""
        if function == "count":
            return self.count
        if not self.count:
            return None
        mean = self.total / self.numbers if self.numbers else math.nan
        found = {"min": self.low, "max": self.high, "mean": mean, "first": self.first[3]}
        return self.last[3] if function is None else found[function]


class MetricCondition:
    """A condition on the values that this process logs to a run.

    Args:
        text: The condition, a filter of metrics, params and tags.
        recorder: The recorder of the run.
        client: The client of the run's store, from which the points are read that are already there.
        raised: Called with the alert when the condition is met for the first time.

    Raises:
        QueryError: If the condition is not a valid filter.
        InvalidParameter: If it names no metric, or something other than metrics, params and tags.
    """

    def __init__(self, text: str, recorder: RunRecorder, client: Client, raised: Callable[[Alert], None]) -> None:
        self._node = parse(check_string(text, "condition"))
        self.text = " ".join(text.split())
        self.raised = raised
        self._recorder = recorder
        self._metrics: dict[str, _Summary] = {}
        for operand in operands(self._node):
            if not isinstance(operand, Key):
                raise InvalidParameter(
                    f"The condition of an alert can name metrics, params and tags of the run, but not {operand}."
                )
            if operand.table.entity == "metrics":
                self._metrics[operand.name] = _Summary()
        if not self._metrics:
            raise InvalidParameter(
                f"The condition of an alert must name a metric, as in 'metrics.loss > 10', but {text!r:.80} does not."
            )
        for key, summary in self._metrics.items():
            for point in _history(recorder, client, key):
                summary.add(point.value, point.step, point.timestamp)

    def names(self, key: str) -> bool:
        """Return whether the condition names a metric."""
        return key in self._metrics

    def met_by(self, points: list[Point]) -> Point | None:
        """Take the points of a log call. Return the last one that the condition names if it holds now, or None."""
        named = None
        for point in points:
            summary = self._metrics.get(point.key)
            if summary is not None:
                summary.add(point.value, point.step, point.time)
                named = point
        return named if named is not None and holds(self._node, self._lookup) else None

    def _lookup(self, key: Key) -> Value | None:
        if key.table.entity != "metrics":
            return self._recorder.value_of(key.table.entity, key.name)
        return self._metrics[key.name].value(key.function.name if key.function else None)


def _history(recorder: RunRecorder, client: Client, key: str) -> list[Metric]:
    # If another program holds the database, the training continues. The condition then knows the points from now on.
    with suppress(StoreError):
        return client.get_metric_history(recorder.run_id, key) if recorder.has_points(key) else []
    return []

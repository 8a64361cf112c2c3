"""Checks the arguments of log calls to one run and encodes them as events."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import Any

from ..entities import DATASET_CONTEXT, Alert, DatasetInput, RunStatus, StopRequest
from ..errors import InvalidParameter
from ..names import check_dict, check_name, check_string, check_text
from ..tags import ALERTS, STOP_REASON, STOPPED_BY
from . import events, series
from .alerts import AlertLog, Condition, Point, non_finite
from .events import finite_point, point
from .kinds import LARGEST
from .nested import flat
from .stopping import Stop
from .writer import now


class RunRecorder:
    """Records what this process logs to one run.

    Args:
        run_id: The run's ID.
        artifact_uri: The URI of its artifacts.
        append: Writes whole lines to the journal. It must not fail.
        steps: The highest step of each metric that the run already has. The next step continues from there.
        params: The params that the run already has, to notice changes.
        name: The run's name.
        parent: The ID of the run that it is nested in.
        tags: The tags that the run already has, for conditions of alerts.
    """

    def __init__(
        self,
        run_id: str,
        artifact_uri: str,
        append: Callable[[bytes], None],
        steps: Mapping[str, int] | None = None,
        params: Mapping[str, str] | None = None,
        *,
        name: str = "",
        parent: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.run_id = run_id
        self.artifact_uri = artifact_uri
        self.name = name
        self.parent = parent
        self._write = append
        # What log calls use: `_write`, or a method that does more once there is more to do. So this costs them nothing.
        self._append = append
        self._steps: dict[str, int] = {}
        self._values: dict[str, float] = {}
        self.recount(steps or {})
        self._params = dict(params or {})
        self._heads: dict[str, str] = {}
        self._reported: set[str] = set()
        self.start_time = 0
        """If the clock was set back, the run ends at this time and not before it."""
        self.is_running = False
        """Whether the run has not ended, as far as this process knows."""
        self.is_owner = False
        """Whether this process runs the run, so that its log calls stop it."""
        self._stop: Stop | None = None
        self._tags = dict(tags or {})
        self._alerts = AlertLog(name, self._tags.get(ALERTS, ""))
        self._conditions: list[Condition] = []
        self._unmet: list[Condition] = []
        """Those of the conditions that have not been met yet."""
        self._points: list[Point] = []
        """Points of the current log call that alerts may be about."""

    def metric(self, key: str, value: Any, step: int | None = None, timestamp: int | None = None) -> None:
        """Log one point. The step defaults to the one after the metric's highest step, beginning at 0."""
        # First, because a value that is not finite changes `_append`.
        line = self._point(key, value, step, timestamp)
        self._append(line.encode())

    def metrics(self, values: Mapping[str, Any], step: int | None = None, timestamp: int | None = None) -> None:
        """Log a point of several metrics, all or none. The keys of nested dicts are joined by `/`."""
        if timestamp is None:
            timestamp = now()
        # Everything is checked first: a wrong value must not leave half of the points, nor advance their steps.
        numbers = {key: _number(key, value) for key, value in flat(values, "Metric").items()}
        for key in numbers:
            self._head(key)
        lines = "".join([self._point(key, value, step, timestamp) for key, value in numbers.items()])
        if lines:
            self._append(lines.encode())

    def _point(self, key: str, value: Any, step: int | None, timestamp: int | None) -> str:
        if type(value) is not float:
            value = _number(key, value)
        try:
            head = self._heads.get(key) or self._head(key)
        except TypeError:
            # A list, for example, which cannot be a key of a dict.
            head = events.metric_head(self.run_id, check_name(key, "Metric key"))
        last = self._steps.get(key, -1)
        if step is None:
            step = last + 1
        elif type(step) is not int:
            step = whole_number(step, "step")
        if not -LARGEST <= step <= LARGEST:
            raise InvalidParameter(f"step must fit into 64 bits, but {step} does not.")
        if timestamp is None:
            timestamp = now()
        elif type(timestamp) is not int or not 0 <= timestamp <= LARGEST:
            timestamp = whole_timestamp(timestamp)
        if step >= last:
            self._steps[key] = step
            self._values[key] = value
        if isfinite(value):
            return finite_point(head, step, timestamp, value)
        self._observe(Point(key, value, step, timestamp))
        return point(head, step, timestamp, value)

    def _head(self, key: str) -> str:
        """Return the beginning of all lines of a metric."""
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = events.metric_head(self.run_id, check_name(key, "Metric key"))
        return head

    def batch(
        self,
        points: Sequence[tuple[str, Any, int | None, int | None]],
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
    ) -> None:
        """Log points (key, value, step, timestamp), params and tags, all or none."""
        before, values = dict(self._steps), dict(self._values)
        try:
            lines = "".join([self._point(*point) for point in points]).encode() + tag_lines(self.run_id, tags)
            self._note_tags(tags)
            self._log_params(params, lines)
        except InvalidParameter:
            self._steps, self._values = before, values
            self._points = []
            raise

    def param(self, key: str, value: Any) -> None:
        """Log a param. The value is converted by `str`, also a dict."""
        self._log_params({check_string(key, "Param key"): value})

    def series(self, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric, all or none. The steps default to those after the metric's highest step."""
        check_name(key, "Metric key")
        numbers = series.as_values(key, values, _number)
        last = self._steps.get(key, -1)
        given: dict[str, Any] = {}
        if steps is not None:
            given["steps"] = series.as_steps(key, steps)
        if timestamps is not None:
            given["timestamps"] = series.as_timestamps(key, timestamps)
        for what, array in given.items():
            if len(array) != len(numbers):
                raise InvalidParameter(
                    f"values and {what} of metric {key!r:.80} must have the same length, but there are "
                    f"{len(numbers):,} values and {len(array):,} {what}. Nothing was logged."
                )
        if not len(numbers):
            return
        all_steps = given["steps"].tolist() if steps is not None else list(range(last + 1, last + 1 + len(numbers)))
        all_times = given["timestamps"].tolist() if timestamps is not None else [now()] * len(numbers)
        self._steps[key] = max(last, max(all_steps))
        # Only the store knows which of its points is the last.
        self._values.pop(key, None)
        if not series.is_finite(numbers) or any(condition.names(key) for condition in self._conditions):
            self._observe_series(key, all_steps, all_times, numbers.tolist())
        *lines, last_line = events.series(self.run_id, key, all_steps, all_times, numbers.tolist())
        for line in lines:
            self._write(line)
        self._append(last_line)

    def params(self, values: Mapping[str, Any], warn: Callable[[str], None] | None = None) -> None:
        """Log params. Values are converted by `str`, and the keys of nested dicts are joined by `/`.

        `warn` is called with a message about each changed param. By default, a warning is issued.
        """
        self._log_params(flat(values, "Param", keep_empty=True), warn=warn)

    def _log_params(
        self, values: Mapping[str, Any], more: bytes = b"", warn: Callable[[str], None] | None = None
    ) -> None:
        """Log params, and the lines of `more` in the same write. A changed value is kept and reported once per key."""
        strings = {
            check_name(key, "Param key"): check_text(str(value), f"Param {key!r:.80}") for key, value in values.items()
        }
        time = now()
        new = {key: text for key, text in strings.items() if self._params.get(key) != text}
        changed = {key: self._params[key] for key in new if key in self._params and key not in self._reported}
        lines = events.params(self.run_id, new, time) + more
        self._params.update(new)
        self._reported.update(changed)
        if lines:
            self._append(lines)
        for key, earlier in changed.items():
            message = (
                f"Param {key!r} changed from {earlier!r:.80} to {new[key]!r:.80}. Both are kept: the run shows the "
                "new value, and the SQL view events has the earlier one."
            )
            if warn is None:
                warnings.warn(message, stacklevel=5)
            else:
                warn(message)

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags. Values are converted by `str`."""
        lines = tag_lines(self.run_id, values)
        self._note_tags(values)
        if lines:
            self._append(lines)

    def _note_tags(self, values: Mapping[str, Any]) -> None:
        self._tags.update((key, str(value)) for key, value in values.items())

    def untag(self, key: str) -> None:
        """Delete a tag."""
        self._tags.pop(key, None)
        self._append(events.untag(self.run_id, check_name(key, "Tag key")))

    def model(self, artifact_path: str, entry: Mapping[str, Any]) -> None:
        """Add a model to the run's list. It replaces one that was logged to the same path before."""
        self._append(events.model(self.run_id, artifact_path, entry))

    def table(self, path: str) -> None:
        """Add a table to the run's list, unless it is there already."""
        self._append(events.table(self.run_id, path))

    def inputs(self, inputs: Sequence[DatasetInput]) -> None:
        """Log datasets that the run used."""
        time = now()
        lines = b"".join(_dataset(self.run_id, one, time) for one in inputs)
        if lines:
            self._append(lines)

    def recount(self, steps: Mapping[str, int]) -> None:
        """Continue each metric's steps after the highest one in `steps`, but at least from 0."""
        self._steps = {key: max(step, -1) for key, step in steps.items()}
        self._values.clear()

    def last(self, key: str) -> tuple[float, int] | None:
        """Return the value and step of a metric's last point, or None if this process does not know it."""
        value = self._values.get(key)
        return None if value is None else (value, self._steps[key])

    def status(self, status: str, end_time: int | None = None, writer: str | None = None) -> None:
        """Set the status. `writer` names the journal that the run belongs to from now on."""
        if status not in RunStatus.ALL:
            raise InvalidParameter(f"status must be one of {', '.join(RunStatus.ALL)}, not {status!r:.80}.")
        if status not in RunStatus.ENDED:
            end_time = None
        elif end_time is None:
            end_time = max(now(), self.start_time)
        time = None if end_time is None else whole_timestamp(end_time, "end_time")
        lines = b""
        self.is_running = status not in RunStatus.ENDED
        if not self.is_running and self._stop is not None:
            if self._stop.is_noticed:
                status = RunStatus.KILLED
                lines = tag_lines(self.run_id, _stop_tags(self._stop.request))
            self._stop, self._append = None, self._write
        if not self.is_running and (alerts := self._alerts.unsaved(at_end=True)) is not None:
            lines += tag_lines(self.run_id, {ALERTS: alerts})
        self._write(lines + events.status(self.run_id, status, time, writer))

    # -- stopping ------------------------------------------------------------------------------------------------

    def request_stop(self, request: StopRequest) -> None:
        """Stop the run: in this process, its next log call in each thread raises RunStopped once."""
        is_noticed = self._stop is not None and self._stop.is_noticed
        self._stop = Stop(request, self.run_id, self.name)
        self._stop.is_noticed = is_noticed
        if self.is_owner:
            self._append = self._append_and_check

    @property
    def stop_request(self) -> StopRequest | None:
        """The request to stop the run, or None."""
        return None if self._stop is None else self._stop.request

    @property
    def is_stopped(self) -> bool:
        """Whether the training has noticed a request to stop the run."""
        return self._stop is not None and self._stop.is_noticed

    def notice_stop(self) -> bool:
        """Return whether the run was asked to stop. If so, the caller must stop it: no log call of its thread will."""
        if self._stop is None:
            return False
        self._stop.notice()
        return True

    def _append_and_check(self, lines: bytes) -> None:
        self._write(lines)
        if self._points:
            self._raise_alerts()
        if self._stop is not None:
            self._stop.check()
        elif not self._conditions:
            self._append = self._write
            if self._stop is not None or self._points:
                # Another thread has requested a stop, or logged a value that is not finite, in the meantime.
                self._append = self._append_and_check

    # -- alerts --------------------------------------------------------------------------------------------------

    def add_condition(self, condition: Condition) -> None:
        """Raise an alert after each log call of a metric that the condition names, if the condition holds then."""
        self._unmet.append(condition)
        self._conditions.append(condition)
        self._point = self._observed_point  # type: ignore[method-assign]
        self._append = self._append_and_check

    def value_of(self, entity: str, key: str) -> str | None:
        """Return the value of a param or a tag, as far as this process knows it."""
        return (self._params if entity == "params" else self._tags).get(key)

    def has_points(self, key: str) -> bool:
        """Return whether the metric already has points, as far as this process knows."""
        return key in self._steps

    def _observed_point(self, key: str, value: Any, step: int | None, timestamp: int | None) -> str:
        """Do what `_point` does while the run has conditions."""
        number = _number(key, value)
        timestamp = now() if timestamp is None else timestamp
        text = RunRecorder._point(self, key, number, step, timestamp)
        if isfinite(number):
            self._observe(Point(key, number, self._steps[key] if step is None else int(step), int(timestamp)))
        return text

    def _observe(self, observed: Point) -> None:
        self._points.append(observed)
        self._append = self._append_and_check

    def _observe_series(self, key: str, steps: list[int], times: list[int], values: list[float]) -> None:
        named = any(condition.names(key) for condition in self._conditions)
        for value, step, time in zip(values, steps, times, strict=True):
            if named or not isfinite(value):
                self._observe(Point(key, value, step, time))

    def _raise_alerts(self) -> None:
        """Count the alerts of a log call, whose data is stored, and show those that are new."""
        points, self._points = self._points, []
        counted: dict[tuple[str, str], tuple[Alert, bool]] = {}
        """The alerts of this call, and whether each is to be shown."""
        for each in points:
            text = non_finite(each)
            if text is not None and (text, each.key) not in counted:
                counted[text, each.key] = self._alerts.add(text, each)
        raised: list[tuple[Condition, Alert]] = []
        for condition in self._conditions:
            met = condition.met_by(points)
            if met is None:
                continue
            kind = (condition.text, met.key)
            if kind not in counted:
                counted[kind] = self._alerts.add(condition.text, met)
            # The alert may have been shown before, for a value that is not finite or a condition of the same text.
            with suppress(ValueError):
                self._unmet.remove(condition)
                raised.append((condition, counted[kind][0]))
        if (tag := self._alerts.unsaved()) is not None:
            self._write(tag_lines(self.run_id, {ALERTS: tag}))
        for alert, is_shown in counted.values():
            if is_shown:
                self._alerts.show(alert)
        for condition, alert in raised:
            condition.raised(alert)


def _stop_tags(request: StopRequest) -> dict[str, str]:
    tags = {STOPPED_BY: request.by}
    return {**tags, STOP_REASON: request.reason} if request.reason else tags


def tag_lines(run_id: str, values: Mapping[str, Any]) -> bytes:
    """Return the events that set these tags."""
    check_dict(values, "tags")
    strings = {check_name(key, "Tag key"): check_text(str(value), f"Tag {key!r:.80}") for key, value in values.items()}
    return events.tags(run_id, strings)


def artifact_line(run_id: str, path: str, size: int) -> bytes:
    """Return the event that an artifact was written. `size` is in bytes."""
    return events.artifact(run_id, path, size, now())


def _dataset(run_id: str, one: DatasetInput, timestamp: int) -> bytes:
    dataset = one.dataset
    # The context is read from the tags, so that MLflow's own entity works too.
    context = next((str(tag.value) for tag in one.tags if tag.key == DATASET_CONTEXT), None)
    tags = {
        check_name(tag.key, "Input tag key"): check_text(str(tag.value), f"Input tag {tag.key!r:.80}")
        for tag in one.tags
        if tag.key != DATASET_CONTEXT
    }
    return events.dataset(
        run_id,
        check_name(dataset.name, "Dataset name"),
        check_name(dataset.digest, "Dataset digest"),
        timestamp,
        source_type=check_text(str(dataset.source_type), "Dataset source type"),
        source=check_text(str(dataset.source), "Dataset source"),
        schema=_checked(dataset.schema, "schema"),
        profile=_checked(dataset.profile, "profile"),
        context=_checked(context, "context"),
        tags=tags,
    )


def _checked(value: Any, what: str) -> Any:
    return check_text(value, f"Dataset {what}") if isinstance(value, str) else value


def _number(key: str, value: Any) -> float:
    """Return a metric's value as a float, from a number, or from an array or tensor of any library with one element."""
    if type(value) is float:
        return value
    if not isinstance(value, _NO_NUMBERS):
        try:
            # `item` comes first, because float() refuses a NumPy array of one element, and PyTorch warns about a
            # tensor that requires a gradient. Neither library is imported for this.
            item = getattr(value, "item", None)
            number = item() if callable(item) else value
            if not isinstance(number, _NO_NUMBERS):
                return float(number)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            pass
    hint = ""
    if isinstance(value, str):
        hint = " Convert it with float(), or log it as a param or a tag."
    elif getattr(value, "ndim", 0):
        hint = " Log one number per call, for example its mean()."
    elif isinstance(value, Mapping):
        hint = " Log a dict with log_metrics."
    elif isinstance(value, int):
        raise InvalidParameter(
            f"Metric {key!r:.80} must be a number that fits into a float, but an integer of "
            f"{value.bit_length():,} bits does not. Nothing was logged."
        )
    shape = getattr(value, "shape", None)
    shown = f"of shape {shape}" if shape else f"({value!r:.60})"
    raise InvalidParameter(
        f"Metric {key!r:.80} must be a number, not {type(value).__name__} {shown:.80}.{hint} Nothing was logged."
    )


_NO_NUMBERS = (str, bytes, complex, type(None))


def whole_number(value: Any, what: str) -> int:
    """Return `value` as an int. Raises InvalidParameter, which calls it `what`, if it is not an integer."""
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        if float(value).is_integer():
            return int(value)
    except (TypeError, ValueError):
        pass
    raise InvalidParameter(f"{what} must be an integer, not {value!r:.80}.")


def whole_timestamp(value: Any, what: str = "timestamp") -> int:
    """Return `value` as milliseconds since the epoch. Raises InvalidParameter if it is not a valid timestamp."""
    time = whole_number(value, what)
    if not 0 <= time <= LARGEST:
        raise InvalidParameter(f"{what} must be milliseconds since 1970 and not negative, but is {time}.")
    return time

"""One run's events: checks what a log call was given and encodes it."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..entities import DATASET_CONTEXT, DatasetInput, RunStatus
from ..errors import InvalidParameter
from ..names import check_name, check_text
from . import events, series
from .events import point
from .kinds import LARGEST
from .nested import flat
from .writer import now


class RunRecorder:
    """What this process logs to one run. `append` takes whole lines and must not fail.

    `steps` and `params` are what the run has already: the step counts on from there, and a changed param is noticed.
    """

    def __init__(
        self,
        run_id: str,
        artifact_uri: str,
        append: Callable[[bytes], None],
        steps: Mapping[str, int] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> None:
        self.run_id = run_id
        self.artifact_uri = artifact_uri
        self._append = append
        self._steps: dict[str, int] = {}
        self._values: dict[str, float] = {}
        self.recount(steps or {})
        self._params = dict(params or {})
        self._heads: dict[str, str] = {}
        self._told: set[str] = set()
        self.start_time = 0
        """Where the clock was set back, the run ends at its start and not before."""

    def metric(self, key: str, value: Any, step: int | None = None, timestamp: int | None = None) -> None:
        """Log one point. Without a step it gets the one after the metric's highest; the first is 0."""
        self._append(self._point(key, value, step, timestamp).encode())

    def metrics(self, values: Mapping[str, Any], step: int | None = None, timestamp: int | None = None) -> None:
        """Log a point of several metrics, all or none. The keys of dicts in dicts are joined by `/`."""
        if timestamp is None:
            timestamp = now()
        # Checked as a whole first: a wrong value must not leave half of the points, nor their step counted.
        numbers = {key: _number(key, value) for key, value in flat(values, "The metric").items()}
        for key in numbers:
            self._head(key)
        lines = "".join([self._point(key, value, step, timestamp) for key, value in numbers.items()])
        if lines:
            self._append(lines.encode())

    def _point(self, key: str, value: Any, step: int | None, timestamp: int | None) -> str:
        if type(value) is not float:
            value = _number(key, value)
        head = self._heads.get(key) or self._head(key)
        last = self._steps.get(key, -1)
        if step is None:
            step = last + 1
        elif type(step) is not int:
            step = whole_number(step, "step")
        if not -LARGEST <= step <= LARGEST:
            raise InvalidParameter(f"step {step} does not fit into 64 bits.")
        if timestamp is None:
            timestamp = now()
        elif type(timestamp) is not int or not 0 <= timestamp <= LARGEST:
            timestamp = whole_timestamp(timestamp)
        if step >= last:
            self._steps[key] = step
            self._values[key] = value
        return point(head, step, timestamp, value)

    def _head(self, key: str) -> str:
        """What all lines of a metric begin with."""
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
            self._log_params(params, lines)
        except InvalidParameter:
            self._steps, self._values = before, values
            raise

    def param(self, key: str, value: Any) -> None:
        """Log a param; the value becomes text by `str`, a dict too."""
        self._log_params({key: value})

    def series(self, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric, all or none; without steps they get the ones after the metric's highest."""
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
                    f"Metric {key!r:.80} has {len(numbers):,} values and {len(array):,} {what}: they need one length. "
                    "Nothing was logged."
                )
        if not len(numbers):
            return
        all_steps = given["steps"].tolist() if steps is not None else list(range(last + 1, last + 1 + len(numbers)))
        all_times = given["timestamps"].tolist() if timestamps is not None else [now()] * len(numbers)
        self._steps[key] = max(last, max(all_steps))
        # Which of its points is the last is for the store to say.
        self._values.pop(key, None)
        for line in events.series(self.run_id, key, all_steps, all_times, numbers.tolist()):
            self._append(line)

    def params(self, values: Mapping[str, Any], tell: Callable[[str], None] | None = None) -> None:
        """Log params; values become text by `str`, and the keys of dicts in dicts are joined by `/`.

        `tell` is called with what there is to say of a changed param, by default it is a warning.
        """
        self._log_params(flat(values, "The param", keep_empty=True), tell=tell)

    def _log_params(
        self, values: Mapping[str, Any], more: bytes = b"", tell: Callable[[str], None] | None = None
    ) -> None:
        """A changed value is kept beside the earlier one, and said once. `more` lines go along, in the same write."""
        texts = {
            check_name(key, "Param key"): check_text(str(value), f"Param {key!r:.80}") for key, value in values.items()
        }
        time = now()
        new = {key: text for key, text in texts.items() if self._params.get(key) != text}
        changed = {key: self._params[key] for key in new if key in self._params and key not in self._told}
        lines = events.params(self.run_id, new, time) + more
        if lines:
            self._append(lines)
        self._params.update(new)
        self._told.update(changed)
        for key, earlier in changed.items():
            text = (
                f"Param {key!r} was {earlier!r:.80} and is {new[key]!r:.80} now. Both are kept: the run shows the new "
                "value, param_history the earlier one."
            )
            if tell is None:
                warnings.warn(text, stacklevel=5)
            else:
                tell(text)

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; values become text by `str`."""
        if lines := tag_lines(self.run_id, values):
            self._append(lines)

    def untag(self, key: str) -> None:
        """Delete a tag."""
        self._append(events.untag(self.run_id, check_name(key, "Tag key")))

    def model(self, artifact_path: str, entry: Mapping[str, Any]) -> None:
        """Add a model to the run's list, in the place of one that was logged to the same path before."""
        self._append(events.model(self.run_id, artifact_path, entry))

    def inputs(self, inputs: Sequence[DatasetInput]) -> None:
        """Log datasets that the run was given."""
        time = now()
        lines = b"".join(_dataset(self.run_id, one, time) for one in inputs)
        if lines:
            self._append(lines)

    def recount(self, steps: Mapping[str, int]) -> None:
        """Let each metric's steps go on from the highest that is in `steps`, and at least from 0."""
        self._steps = {key: max(step, -1) for key, step in steps.items()}
        self._values.clear()

    def last(self, key: str) -> tuple[float, int] | None:
        """The value and step of the last point that this process logged of a metric; None where the store must say."""
        value = self._values.get(key)
        return None if value is None else (value, self._steps[key])

    def status(self, status: str, end_time: int | None = None, writer: str | None = None) -> None:
        """Set the status. `writer` names the journal that the run belongs to from now on."""
        if status not in RunStatus.ALL:
            raise InvalidParameter(f"{status!r:.80} is no run status. Use one of {', '.join(RunStatus.ALL)}.")
        if status not in RunStatus.ENDED:
            end_time = None
        elif end_time is None:
            end_time = max(now(), self.start_time)
        time = None if end_time is None else whole_timestamp(end_time)
        self._append(events.status(self.run_id, status, time, writer))


def tag_lines(run_id: str, values: Mapping[str, Any]) -> bytes:
    """The events that set these tags."""
    texts = {check_name(key, "Tag key"): check_text(str(value), f"Tag {key!r:.80}") for key, value in values.items()}
    return events.tags(run_id, texts)


def artifact_line(run_id: str, path: str, size: int) -> bytes:
    """The event that an artifact was written; `size` in bytes."""
    return events.artifact(run_id, path, size, now())


def _dataset(run_id: str, one: DatasetInput, timestamp: int) -> bytes:
    dataset = one.dataset
    # By its tags: MLflow's own entity does as well.
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
    """A metric's value as a float: Python's numbers, and arrays or tensors of any library that hold one number."""
    if type(value) is float:
        return value
    if not isinstance(value, _NO_NUMBERS):
        try:
            # By `item` where there is one: float() refuses a NumPy array of one element, and PyTorch warns of a tensor
            # that requires a gradient. Neither library is imported for that.
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
        hint = " Log one number a call, for instance its mean()."
    elif isinstance(value, Mapping):
        hint = " For a dict there is log_metrics."
    shown = getattr(value, "shape", None) or repr(value)
    raise InvalidParameter(
        f"Metric {key!r:.80} needs a number, not {type(value).__name__} ({shown!s:.60}).{hint} Nothing was logged."
    )


_NO_NUMBERS = (str, bytes, complex, type(None))


def whole_number(value: Any, what: str) -> int:
    """`value` as an int; InvalidParameter, which calls it `what`, where it is no whole number."""
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        if float(value).is_integer():
            return int(value)
    except (TypeError, ValueError):
        pass
    raise InvalidParameter(f"{what} must be a whole number, not {value!r:.80}.")


def whole_timestamp(value: Any) -> int:
    """`value` as epoch milliseconds; InvalidParameter where it cannot be that."""
    time = whole_number(value, "timestamp")
    if not 0 <= time <= LARGEST:
        raise InvalidParameter(f"timestamp is {time}; it counts the milliseconds since 1970 and cannot be negative.")
    return time

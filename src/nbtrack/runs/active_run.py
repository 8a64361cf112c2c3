"""The run that `start_run` returns."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from ..capture import Cell
from ..client import Client
from ..data.dataset import dataset_input
from ..entities import Alert, Rewound, Run, RunData, RunInfo, RunInputs, RunStatus, StopRequest
from ..errors import InvalidParameter, RunStopped, StoreError
from ..journal import RunRecorder, now
from ..journal.stopping import without_stopping
from ..names import check_string, storable
from ..tags import KILLED, TRACEBACK
from . import observer
from .loops import Loop

T = TypeVar("T")

STATE = "state"
"""The tag with Optuna's state of a trial. MLflow uses the same name."""


class ActiveRun:
    """A run that this process is logging to, returned by `nbtrack.start_run`.

    In a `with` statement, it ends with the block: as FINISHED, as FAILED if the block raises an exception (the tag
    `nbtrack.traceback` then has the traceback), or as KILLED if it was stopped, on a KeyboardInterrupt, or on an exit
    caused by one.

    Args:
        client: The client of the run's store.
        run: The run.
        ended: Called with this object when the run ends.
        resumed: Returns the active run with an ID, or None.

    Attributes:
        is_open: Whether the run has not been ended.
        cell: The notebook cell that started the run, or None.
        log_metric: Log one point of a metric; see `nbtrack.log_metric`. Arguments: key, value, step, timestamp.
        log_metrics: Log one point of each of several metrics; see `nbtrack.log_metrics`. Arguments: metrics, step,
            timestamp.
    """

    def __init__(
        self,
        client: Client,
        run: Run,
        ended: Callable[[ActiveRun], None] | None = None,
        resumed: Callable[[str], ActiveRun | None] | None = None,
    ) -> None:
        self._client = client
        self._ended = ended
        self._resumed = resumed
        self._info = run.info
        # Kept here instead of looked up at each call, because a log call takes only microseconds.
        self._recorder = client.recorder(run.info.run_id)
        self.log_metric = self._recorder.metric
        self.log_metrics = self._recorder.metrics
        self.is_open = True
        self._process = os.getpid()
        self.cell: Cell | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process started the run. In a forked child, the end of a `with` block does not end it."""
        return self._process == os.getpid()

    @property
    def client(self) -> Client:
        """The client of the store that contains the run."""
        return self._client

    @property
    def recorder(self) -> RunRecorder:
        """The recorder of the run, which takes its events without reading the store."""
        return self._recorder

    @property
    def store(self) -> str:
        """The tracking URI of the store that contains the run."""
        return self._client.tracking_uri

    @property
    def should_stop(self) -> bool:
        """Whether somebody has asked to stop the run. See `nbtrack.should_stop`."""
        recorder = self._recorder if self.is_ours else self._client.recorder(self._info.run_id)
        return recorder.notice_stop()

    @property
    def info(self) -> RunInfo:
        """The properties of the run, such as ID, name and experiment, as they were at the start."""
        return self._info

    @property
    def data(self) -> RunData:
        """The params, the tags and the last values of the metrics, read from the store at each access."""
        return self._client.get_run(self._info.run_id).data

    @property
    def inputs(self) -> RunInputs:
        """The datasets that were logged, read from the store at each access."""
        return self._client.get_run(self._info.run_id).inputs

    def to_dictionary(self) -> dict[str, Any]:
        """Return the run as nested dicts; see `nbtrack.entities.Run`.

        Returns:
            A dict with "info", "data" and "inputs", as they are in the store now.
        """
        return self._client.get_run(self._info.run_id).to_dictionary()

    def log_param(self, key: str, value: Any) -> Any:
        """Log a param. See `nbtrack.log_param`.

        Args:
            key: Key of the param, at most 500 characters.
            value: Value of the param. It is converted to a string.

        Returns:
            `value`, unchanged.

        Raises:
            InvalidParameter: If the key is not a string or is empty or too long.
        """
        self._recorder.param(key, value)
        return value

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log several params: all or none. See `nbtrack.log_params`.

        Args:
            params: Values by key. They are converted to strings, and the keys of nested dicts are joined with "/".

        Raises:
            InvalidParameter: If a key is empty, too long or given twice. Nothing is logged then.
        """
        self._recorder.params(params)

    def log_series(self, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric at once: all or none. See `nbtrack.log_series`.

        Args:
            key: Key of the metric, at most 500 characters.
            steps: Integers in any order, or None: the points then get the steps after the metric's highest one.
            values: Numbers. Like `steps` and `timestamps`, a list, tuple, NumPy array, tensor or Series of shape (n,).
            timestamps: Milliseconds since the epoch, or datetimes of NumPy or pandas. Defaults to now for all points.

        Raises:
            InvalidParameter: If a value is not a number, if a step is not an integer, or if the lengths differ. Nothing
                is logged then.
        """
        self._recorder.series(key, steps, values, timestamps)

    def progress(self, iterable: Iterable[T], total: float | None = None, label: str = "") -> Loop[T]:
        """Iterate and show how far the run is. See `nbtrack.log_progress`.

        Args:
            iterable: What to iterate over.
            total: The number of steps. Defaults to the length of `iterable`, if it has one.
            label: What the loop does, such as "epochs".

        Returns:
            An iterable with the same items.

        Raises:
            InvalidParameter: If `iterable` cannot be iterated, or if `total` is not a number or is negative.

        Example:
            >>> import nbtrack
            >>> with nbtrack.start_run() as run:
            ...     for epoch in run.progress(range(3), label="epochs"):
            ...         run.log_metric("loss", 1 / (epoch + 1))
        """
        return observer.progress(self._info.run_id, iterable, total, label)

    def alert_if(
        self, condition: str, *, stop: bool = False, callback: Callable[[Alert], object] | None = None
    ) -> None:
        """Raise an alert when a metric meets a condition. See `nbtrack.alert_if`.

        Args:
            condition: A filter of metrics, params and tags of this run, such as "metrics.loss > 10".
            stop: Whether the alert stops the run.
            callback: Called once, with a `nbtrack.entities.Alert`, when the condition is met for the first time.

        Raises:
            QueryError: If the condition is not a valid filter.
            InvalidParameter: If it names no metric, or something other than metrics, params and tags, or if `callback`
                cannot be called.
        """
        # The query language is not needed before.
        from .alerts import MetricCondition

        if callback is not None and not callable(callback):
            raise InvalidParameter(f"callback must be a function, not {type(callback).__name__} ({callback!r:.80}).")

        def raised(alert: Alert) -> None:
            if stop:
                request = StopRequest("", f"Alert: {alert.condition}", now())
                self._client.recording.request_stop(self._info.run_id, request)
            if callback is not None:
                callback(alert)

        self._recorder.add_condition(MetricCondition(condition, self._recorder, self._client, raised))

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag.

        Args:
            key: Key of the tag, at most 500 characters. Setting `mlflow.runName` renames the run.
            value: Value of the tag. It is converted to a string and replaces an earlier value.

        Raises:
            InvalidParameter: If the key is not a string or is empty or too long.
        """
        self._recorder.tags({check_string(key, "Tag key"): value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags: all or none.

        Args:
            tags: Values by key. They are converted to strings and replace earlier values.

        Raises:
            InvalidParameter: If a key is not a string or is empty or too long. No tag is set then.
        """
        self._recorder.tags(tags)

    def delete_tag(self, key: str) -> None:
        """Delete a tag.

        Args:
            key: Key of the tag.

        Raises:
            NotFound: If the run does not have the tag.
        """
        self._client.delete_tag(self._info.run_id, key)

    def log_input(self, dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None) -> None:
        """Log a dataset that the run uses. See `nbtrack.log_input`.

        Args:
            dataset: A dataset of `nbtrack.data` or `mlflow.data`.
            context: What the dataset is used for, such as "training".
            tags: Tags of the dataset as an input of this run. Values are converted to strings.

        Raises:
            InvalidParameter: If `dataset` is not a dataset.
        """
        self._recorder.inputs([dataset_input(dataset, context, tags)])

    def rewind(self, step: int) -> Rewound:
        """Delete every point whose step is above `step`. Steps then continue from there. See `nbtrack.rewind`.

        Args:
            step: The last step to keep.

        Returns:
            How many points were deleted: `points` in all, and `metrics` by key.

        Raises:
            InvalidParameter: If `step` is not an integer, or if the run is deleted.
        """
        rewound = self._client.rewind_run(self._info.run_id, step)
        points = self._client.recording.last_points(self._info.run_id)
        self._recorder.recount({key: step for key, (_, step) in points.items()})
        return rewound

    def fail(self, error: BaseException) -> str:
        """Store the traceback of the exception that ends the run, without ending it.

        Optuna's TrialPruned is not a failure: its run is KILLED and gets the tag `state` with the value PRUNED. Neither
        is RunStopped, which has no traceback. If it stopped another run, the tag `nbtrack.killed` says which.

        Args:
            error: The exception.

        Returns:
            The status that the run should end with: "FAILED" or "KILLED".
        """
        with without_stopping():
            if isinstance(error, RunStopped):
                # The run may have been ended already, with the cell.
                if not self._recorder.notice_stop() and error.run_id != self._info.run_id:
                    self.set_tag(KILLED, storable(error.message))
                return RunStatus.KILLED
            if is_pruned(error):
                self.set_tag(STATE, "PRUNED")
                return RunStatus.KILLED
            self.set_tag(TRACEBACK, storable("".join(traceback.format_exception(error))))
            return RunStatus.KILLED if is_interrupt(error) else RunStatus.FAILED

    def end(self, status: str = RunStatus.FINISHED) -> None:
        """End the run. Nothing happens if it has already ended.

        Args:
            status: "FINISHED", "FAILED" or "KILLED". A run that was stopped always ends as KILLED.

        Raises:
            InvalidParameter: If the status is not a run status, or if the run has been deleted.
        """
        if not self.is_open:
            return
        # This comes first, because a run that cannot be ended, such as a deleted one, must not stay active forever.
        self.is_open = False
        if self._ended:
            self._ended(self)
        try:
            self._client.set_terminated(self._info.run_id, status)
        except StoreError:
            # The store cannot be read, so whether the run has been deleted is unknown. The run must end anyway.
            self._recorder.status(status)

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # As in MLflow, the block that started a run ends it, also if the block has ended and resumed it.
        run = self if self.is_open else self._resumed(self._info.run_id) if self._resumed else None
        if run is not None and run.is_ours:
            run.end(run.fail(error) if error else RunStatus.FINISHED)

    def __repr__(self) -> str:
        state = "open" if self.is_open else "ended"
        return f"<ActiveRun {self._info.run_name!r} ({self._info.run_id}), {state}>"


def is_interrupt(error: BaseException) -> bool:
    """Return whether an exception is a KeyboardInterrupt, or an exit that a framework such as Lightning makes of one.

    Args:
        error: The exception.

    Returns:
        Whether the user interrupted the program.
    """
    cause: BaseException | None = error
    while isinstance(cause, SystemExit):
        cause = cause.__cause__ or cause.__context__
    return isinstance(cause, KeyboardInterrupt)


def is_pruned(error: BaseException) -> bool:
    """Return whether an exception is Optuna's TrialPruned, without importing Optuna.

    Args:
        error: The exception.

    Returns:
        Whether the trial was pruned.
    """
    return any((kind.__module__, kind.__name__) == ("optuna.exceptions", "TrialPruned") for kind in type(error).__mro__)

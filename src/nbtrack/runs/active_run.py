"""The run that a `with` block holds."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from ..capture import Cell
from ..client import Client
from ..client.tracking import TRACEBACK as TRACEBACK
from ..data.dataset import dataset_input
from ..entities import Rewound, Run, RunData, RunInfo, RunInputs, RunStatus
from ..names import storable

STATE = "state"
"""The tag for Optuna's state of a trial; its name is MLflow's."""


class ActiveRun:
    """A run that this process writes. As a context manager it ends the run: FINISHED, FAILED on an exception (whose
    traceback is kept in the tag `nbtrack.traceback`), KILLED on a KeyboardInterrupt, or an exit that came of one.

    `info` is as of the start; `data` and `inputs` are read from the store at each access.
    """

    def __init__(self, client: Client, run: Run, end: Callable[[ActiveRun, str], None]) -> None:
        self._client = client
        self._end = end
        self._info = run.info
        # Held here, and not looked up at each call: a log call costs microseconds.
        self._recorder = client.recorder(run.info.run_id)
        self.log_metric = self._recorder.metric
        self.log_metrics = self._recorder.metrics
        self.is_open = True
        self._process = os.getpid()
        self.cell: Cell | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process started it. A forked child logs to its parent's run, but does not end it unasked."""
        return self._process == os.getpid()

    @property
    def store(self) -> str:
        """The folder of the store that it is in."""
        return self._client.tracking_uri

    @property
    def info(self) -> RunInfo:
        """Name, experiment, times and the like, as of the start."""
        return self._info

    @property
    def data(self) -> RunData:
        """Params, tags and last metrics, as they are now."""
        return self._client.get_run(self._info.run_id).data

    @property
    def inputs(self) -> RunInputs:
        """The datasets that were logged, as they are now."""
        return self._client.get_run(self._info.run_id).inputs

    def to_dictionary(self) -> dict[str, Any]:
        """The run as plain data; see `nbtrack.entities.Run`."""
        return self._client.get_run(self._info.run_id).to_dictionary()

    def log_param(self, key: str, value: Any) -> Any:
        """Log a param and return its value."""
        self._recorder.param(key, value)
        return value

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log several params."""
        self._recorder.params(params)

    def log_series(self, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric; see `nbtrack.log_series`."""
        self._recorder.series(key, steps, values, timestamps)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag."""
        self._recorder.tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags."""
        self._recorder.tags(tags)

    def delete_tag(self, key: str) -> None:
        """Delete a tag. Raises NotFound where the run has none such."""
        self._client.delete_tag(self._info.run_id, key)

    def log_input(self, dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None) -> None:
        """Log a dataset that the run is given, for `context` (such as "training")."""
        self._recorder.inputs([dataset_input(dataset, context, tags)])

    def rewind(self, step: int) -> Rewound:
        """Drop every point whose step is above `step`; how many of which metric. Steps count on from there.

        The machine's own metrics (`system/…`), params, tags and artifacts stay.
        """
        rewound = self._client.rewind_run(self._info.run_id, step)
        points = self._client.recording.last_points(self._info.run_id)
        self._recorder.recount({key: step for key, (_, step) in points.items()})
        return rewound

    def fail(self, error: BaseException) -> str:
        """Keep the traceback of what ended the run; the status that the run ends with.

        A trial that Optuna pruned is no failure: it is KILLED, and its tag `state` is PRUNED.
        """
        if is_pruned(error):
            self.set_tag(STATE, "PRUNED")
            return RunStatus.KILLED
        self.set_tag(TRACEBACK, storable("".join(traceback.format_exception(error))))
        return RunStatus.KILLED if is_interrupt(error) else RunStatus.FAILED

    def end(self, status: str = RunStatus.FINISHED) -> None:
        """End the run, if it is still open."""
        if self.is_open:
            self._end(self, status)

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_open and self.is_ours:
            self.end(self.fail(error) if error else RunStatus.FINISHED)

    def __repr__(self) -> str:
        state = "open" if self.is_open else "ended"
        return f"<ActiveRun {self._info.run_name!r} ({self._info.run_id}), {state}>"


def is_interrupt(error: BaseException) -> bool:
    """Whether this is a KeyboardInterrupt, or the exit that a framework such as Lightning makes of one."""
    cause: BaseException | None = error
    while isinstance(cause, SystemExit):
        cause = cause.__cause__ or cause.__context__
    return isinstance(cause, KeyboardInterrupt)


def is_pruned(error: BaseException) -> bool:
    """By its name: where Optuna is not imported, nothing was pruned."""
    return any((kind.__module__, kind.__name__) == ("optuna.exceptions", "TrialPruned") for kind in type(error).__mro__)

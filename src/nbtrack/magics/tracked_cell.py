"""One execution of a `%%track` cell and its run."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from IPython.core.error import UsageError

from .. import autologging, capture
from ..capture import packages
from ..client import Client
from ..entities import LifecycleStage, RunStatus
from ..errors import NbtrackError, RunStopped
from ..fluent.experiments import active_experiment_id
from ..fluent.runs import start_run
from ..journal.stopping import without_stopping
from ..names import storable
from ..runs import ancestors, stack
from ..runs.active_run import ActiveRun
from ..tags import ATTEMPT, CELL_ID, CELL_SOURCE, KILLED, PACKAGES, PREVIOUS_RUN, TRACEBACK
from . import attempts, inner
from .arguments import CellOptions
from .failure import status_of, traceback_text
from .last_value import LastValue
from .progress import Progress

_left_open: dict[str, list[ActiveRun]] = {}
"""Runs that the last execution of a cell started and that have not been ended, by the cell's key."""


class TrackedCell:
    """The run of a cell, which starts with the cell and ends with the cell's result."""

    def __init__(
        self,
        shell: Any,
        options: CellOptions,
        source: str,
        body: str,
        execution: Any,
        errors: inner.HandledErrors | None,
    ) -> None:
        self.execution = execution
        self.body = body
        self._shell = shell
        self._options = options
        self._magics = inner.magics_in(body)
        code = inner.python_code(body)
        self._python = "" if code is None else _transformed(shell, code)
        self._client = Client()
        self._key = attempts.cell_key(options.name, body)
        packages.prepare()
        _end_left_open(self._key)
        around = stack.current()
        project = ancestors.project_run()
        self._project = project.run.run_id if project is not None and project.is_notebook else None
        """The run of the project whose entry point is this notebook. Each cell is a nested run of it."""
        self._is_nested = options.nested or (around is not None and around.info.run_id == self._project)
        if around is not None and not self._is_nested:
            raise UsageError(
                f"%%track: Run {around.info.run_name!r} is already active. End it with nbtrack.end_run(), or run this "
                "cell as a nested run with %%track --nested."
            )
        self._before = {run.info.run_id for run in stack.open_runs()}
        self._run = self._start(source)
        self._progress = Progress(shell, self._client, self._run)
        self._params = self._log_params(self._first_params())
        self._progress.begin()
        self._autologging = autologging.begin_temporarily() if options.autolog else None
        self._last = LastValue()
        self._inner: list[tuple[str, LastValue]] = []
        self._inner_value: object = None
        # A cell magic below %%track, or above it, can print the traceback of an exception and go on.
        self._errors = errors or (inner.HandledErrors(shell) if self._magics else None)

    def begin_inner(self, code: str) -> None:
        """Handle the start of a cell that code of this cell runs, such as a `%%capture` below `%%track`."""
        if any(code == magic.body for magic in self._magics):
            if not self._python:
                # This magic of the user's own runs Python.
                self._python = _transformed(self._shell, inner.python_code(code) or "")
                self._params |= self._log_params(self._first_params())
            self._inner.append((code, LastValue()))
        elif self._errors is not None:
            self._errors.begin_other(code)

    def end_inner(self, code: str | None) -> None:
        """Handle the end of a cell that code of this cell runs."""
        if self._inner and self._inner[-1][0] == code:
            _, last = self._inner.pop()
            last.close()
            self._inner_value = last.value
        elif self._errors is not None:
            self._errors.end_other(code)

    def finish(self, error: BaseException | None) -> None:
        """End the run. `error` is the exception that ended the cell, or None."""
        # The training is over, so there is nothing left to stop.
        with without_stopping():
            self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        for _, last in reversed(self._inner):
            last.close()
        self._last.close()
        if self._errors is not None:
            self._errors.close()
            error = error or self._errors.last
        if self._autologging is not None:
            autologging.end_temporarily(self._autologging)
        missing = [name for name in self._options.params if name not in self._shell.user_ns]
        status = status_of(error)
        try:
            self._log_params({name: text for name, text in self._named_params() if self._params.get(name) != text})
            # The call of a magic that runs the cell, such as %%capture, has the value None.
            value = self._inner_value if self._last.value is None else self._last.value
            if error is None and isinstance(value, Mapping):
                self._log_metrics(value)
            tags = {PACKAGES: json.dumps(capture.imported_packages())}
            if isinstance(error, RunStopped):
                self._run.fail(error)
            elif error is not None and status != RunStatus.FINISHED:
                tags[TRACEBACK] = storable(traceback_text(self._shell, error))
            if status == RunStatus.KILLED and not isinstance(error, RunStopped):
                tags[KILLED] = f"interrupted ({type(error).__name__})"
            self._run.set_tags(tags)
        finally:
            self._end(status)
        if missing and error is None:
            self._progress.warn(
                f"%%track -p: The cell has no variable {', '.join(missing)}. Everything else is logged."
            )
        self._progress.finish()

    def _start(self, source: str) -> ActiveRun:
        options = self._options
        experiment_id = self._experiment_id()
        previous = attempts.previous_attempt(self._client, experiment_id, self._key)
        tags = {CELL_ID: self._key, ATTEMPT: "1", **options.tags}
        if options.code:
            tags[CELL_SOURCE] = storable(source)
        if previous is not None:
            tags[ATTEMPT] = str(attempts.attempt_number(previous) + 1)
            tags[PREVIOUS_RUN] = previous.info.run_id
        return start_run(
            experiment_id=experiment_id,
            run_name=options.name,
            nested=self._is_nested,
            parent_run_id=None if self._is_nested else self._project,
            tags=tags,
            description=options.note,
        )

    def _experiment_id(self) -> str:
        name = self._options.experiment
        if name is None:
            return active_experiment_id()
        found = self._client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == LifecycleStage.ACTIVE:
            return found.experiment_id
        return self._client.create_experiment(name)

    def _first_params(self) -> dict[str, str]:
        """Return the literals of the cell, and the `-p` variables that the cell does not assign itself."""
        assigned = capture.assigned_names(self._python)
        existing = {name: text for name, text in self._named_params() if name not in assigned}
        literals = capture.literal_assignments(self._python)
        return existing | {name: _string(value) for name, value in literals.items()}

    def _named_params(self) -> Iterator[tuple[str, str]]:
        for name in self._options.params:
            if name in self._shell.user_ns:
                yield name, _string(self._shell.user_ns[name])

    def _log_params(self, params: dict[str, str]) -> dict[str, str]:
        with warnings.catch_warnings():
            # With -p, the value of a variable after the cell replaces its value before the cell.
            warnings.simplefilter("ignore")
            for name, text in params.items():
                try:
                    self._run.log_param(name, text)
                except NbtrackError as error:
                    self._progress.warn(f"%%track: Param {name!r:.80} was not logged: {error.message}")
        return params

    def _log_metrics(self, values: Mapping[Any, Any]) -> None:
        for key, value in values.items():
            number = _number(value) if isinstance(key, str) else None
            if number is None:
                continue
            try:
                self._run.log_metric(key, number)
            except NbtrackError as error:
                self._progress.warn(f"%%track: Metric {key!r:.80} was not logged: {error.message}")

    def _end(self, status: str) -> None:
        """End the nested runs that the cell left open, then the run itself."""
        opened = [run for run in stack.open_runs() if run.info.run_id not in self._before]
        if self._run.is_open:
            inner = opened[opened.index(self._run) + 1 :] if self._run in opened else []
            for run in [*reversed(inner), self._run]:
                run.end(status)
        else:
            # The cell ended its own run. Runs that it started afterwards are meant for the cells below.
            _left_open[self._key] = opened


def _end_left_open(key: str) -> None:
    for run in reversed(_left_open.pop(key, [])):
        if run.is_open:
            run.set_tag(KILLED, "the cell that started it was run again")
            run.end(RunStatus.KILLED)


def _transformed(shell: Any, body: str) -> str:
    """Return the body as Python, with `%`, `!` and `?`, which `ast` cannot parse, replaced by calls."""
    return str(shell.transform_cell(body))


def _string(value: object) -> str:
    try:
        return storable(str(value))
    except Exception as error:
        print(f"%%track: A {type(value).__name__} cannot be converted to a string: {error!r}", file=sys.stderr)
        return f"<{type(value).__name__}>"


def _number(value: object) -> float | None:
    """Return the value as a float, or None if it is not a single number."""
    if not hasattr(type(value), "__float__") or isinstance(value, complex) or getattr(value, "ndim", 0) != 0:
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None

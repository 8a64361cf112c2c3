"""Optuna: a run for a study, with a nested run for each of its trials, whatever thread the trial runs in.

    with nbtrack.optuna.track(study):
        study.optimize(objective, n_trials=100, n_jobs=4)

Whatever the objective logs, with `nbtrack.log_metric` for example, goes to the run of its trial. The names of the tags
are those of Optuna's own MLflowCallback.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from ..autologging import Patches
from ..capture import run_tags
from ..entities import RunStatus
from ..errors import InvalidParameter, InvalidState, RunStopped
from ..fluent.runs import start_run
from ..journal.stopping import without_stopping
from ..names import storable
from ..runs.active_run import STATE, ActiveRun, is_pruned
from ..tags import PARENT
from .common import sentence

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

    Objective = Callable[[Trial], float | Sequence[float]]

FLAVOR_NAME = "optuna"

_STATUS = {"COMPLETE": RunStatus.FINISHED, "PRUNED": RunStatus.KILLED, "FAIL": RunStatus.FAILED}
"""The status of a trial's run, by the state that Optuna gives the trial."""


def track(
    study: Study,
    *,
    run_name: str | None = None,
    metric_name: str | Sequence[str] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> Tracking:
    """Track an Optuna study as a run, with a nested run for each of its trials.

    The study's run is nested in the active run if there is one. A trial's run gets its parameters as params, its
    values and the values that it reports as metrics, and its state as the tag `state`. Whatever the objective logs,
    in any thread, goes to the run of its trial. Pruned trials end as KILLED, failed ones as FAILED. If a trial's run is
    stopped (`nbtrack.stop_run`), the trial is pruned and the study goes on. If the study's run is stopped, the trials
    that are running are pruned, and no other trial starts. The study's run
    gets the best value so far as the metric `best_<name>`, and the best parameters.

    A trial of `ask` and `tell`, and one that `add_trial` adds, gets its run when it is told or added. A warning counts
    the trials that were asked for and not told within the block, because these have none.

    Args:
        study: The study to track.
        run_name: Name of the study's run. Defaults to the name of the study.
        metric_name: Name of the value that the objective returns, or a list with one name for each direction. A single
            name for several directions is numbered: "loss" gives "loss_0", "loss_1" and so on. Defaults to the study's
            `metric_names`, and otherwise to "value".
        tags: Tags for the study's run.

    Returns:
        A context manager that tracks the study within its block. It also has an `optimize` method for a single
            call.

    Raises:
        InvalidParameter: If `metric_name` does not have one name for each direction.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(study_name="parabola")
        >>> with track(study):
        ...     study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=2)
    """
    return Tracking(study, run_name, _metric_names(study, metric_name), dict(tags or {}))


class Tracking:
    """A study that is tracked within a `with` block. `track` creates it.

    `study` is the study, and `run` is its run, or None outside the block.

    Args:
        study: The study to track.
        run_name: Name of the study's run. None uses the name of the study.
        metric_names: One name for each direction of the study.
        tags: Tags for the study's run.
    """

    def __init__(self, study: Study, run_name: str | None, metric_names: Sequence[str], tags: dict[str, Any]) -> None:
        self.study = study
        self.run: ActiveRun | None = None
        self._run_name = run_name
        self._metric_names = metric_names
        self._tags = tags
        self._runs: dict[int, tuple[str, str]] = {}
        """For each trial whose end Optuna has not reported yet: the ID of its run, and the state that was logged."""
        self._best_lock = threading.Lock()
        self._finished_trials = 0
        self._best: float | None = None
        self._asked: set[int] = set()
        """The trials that were asked for by hand and have not been told."""
        self._has_run: set[int] = set()

    def optimize(self, func: Objective, *args: Any, **kwargs: Any) -> None:
        """Run the study's `optimize` and track it. Within a `with` block, use the run of that block.

        Args:
            func: The objective.
            *args: Further positional arguments of Optuna's `Study.optimize`.
            **kwargs: Keyword arguments of Optuna's `Study.optimize`, for example `n_trials`.

        Raises:
            InvalidState: If the study is already tracked by another `track`.
        """
        if self.run is not None:
            self.study.optimize(func, *args, **kwargs)
        else:
            with self:
                self.study.optimize(func, *args, **kwargs)

    def __enter__(self) -> ActiveRun:
        if self.run is not None or _methods.has(self.study, "optimize"):
            raise InvalidState(f"Study {self.study.study_name!r} is already tracked by an active track() block.")
        name = self._run_name or self.study.study_name
        self.run = start_run(run_name=name, nested=True, tags=self._study_tags())
        for name, method in self._replacements().items():
            _methods.put(self.study, name, method)
        return self.run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run, self.run = self.run, None
        for name in self._replacements():
            _methods.remove(self.study, name)
        assert run is not None
        if self._asked:
            warnings.warn(
                f"nbtrack: {len(self._asked)} trial(s) of the study {self.study.study_name!r} were asked for and not "
                f"told, and have no run: {', '.join(map(str, sorted(self._asked)[:10]))}. Call study.tell() within the "
                "track() block.",
                stacklevel=2,
            )
        with _guarded("the results of the study"), without_stopping():
            self._log_results(run)
        run.__exit__(kind, error, trace)

    def _replacements(self) -> dict[str, Callable[..., Any]]:
        return {"optimize": self._optimize, "ask": self._ask, "tell": self._tell, "add_trial": self._add_trial}

    # -- trials without an objective -----------------------------------------------------------------------------

    def _ask(self, ask: Callable[..., Trial], *args: Any, **kwargs: Any) -> Trial:
        """Replace the study's `ask`, which its `optimize` calls too."""
        trial = ask(*args, **kwargs)
        self._asked.add(trial.number)
        return trial

    def _tell(self, tell: Callable[..., FrozenTrial], *args: Any, **kwargs: Any) -> FrozenTrial:
        """Replace the study's `tell`, which its `optimize` does not call."""
        told = tell(*args, **kwargs)
        self._log_whole(told)
        return told

    def _add_trial(self, add_trial: Callable[[FrozenTrial], None], trial: FrozenTrial) -> None:
        """Replace the study's `add_trial`, which gives the trial another number."""
        add_trial(trial)
        if trial.state.is_finished():
            self._log_whole(self.study.get_trials(deepcopy=False)[-1])

    def _log_whole(self, trial: FrozenTrial) -> None:
        """Log a trial that has ended as a run of its own, with its times."""
        self._asked.discard(trial.number)
        with _guarded("a trial"):
            if self.run is None or trial.number in self._has_run:
                return
            self._has_run.add(trial.number)
            client, parent = self.run.client, self.run.info
            run = client.create_run(
                parent.experiment_id,
                start_time=_milliseconds(trial.datetime_start),
                tags={
                    **run_tags(),
                    PARENT: parent.run_id,
                    "number": trial.number,
                    "direction": _direction(self.study),
                    **_trial_tags(trial),
                    STATE: trial.state.name,
                    "datetime_complete": str(trial.datetime_complete),
                },
                run_name=f"trial {trial.number}",
            )
            recorder = client.recorder(run.info.run_id)
            recorder.params(trial.params)
            for step, value in trial.intermediate_values.items():
                recorder.metric(f"intermediate_{self._metric_names[0]}", value, step=step)
            if trial.values is not None:
                recorder.metrics(dict(zip(self._metric_names, trial.values, strict=True)), step=0)
            status = _STATUS.get(trial.state.name, RunStatus.FAILED)
            client.set_terminated(run.info.run_id, status, _milliseconds(trial.datetime_complete))
            self._count_trial(trial.state.name)

    # -- while it runs -------------------------------------------------------------------------------------------

    def _optimize(self, optimize: Callable[..., None], func: Objective, *args: Any, **kwargs: Any) -> None:
        """Replace the study's `optimize`, which is passed as the first argument."""
        callbacks = [self._on_trial_end, *(kwargs.pop("callbacks", None) or ())]
        if len(args) > 4:
            # optimize(func, n_trials, timeout, n_jobs, catch, callbacks, …)
            callbacks += args[4] or ()
            args = (*args[:4], callbacks, *args[5:])
        else:
            kwargs["callbacks"] = callbacks
        optimize(self._wrap_objective(func), *args, **kwargs)

    def _wrap_objective(self, func: Objective) -> Objective:
        def objective(trial: Trial) -> float | Sequence[float]:
            self._asked.discard(trial.number)
            self._has_run.add(trial.number)
            run = self._start_trial(trial)
            if run is None:
                return func(trial)
            state, status = "COMPLETE", str(RunStatus.FINISHED)
            try:
                returned = func(trial)
                with _guarded("the values of a trial"), without_stopping():
                    self._log_values(run, returned)
                return returned
            except RunStopped as stopped:
                state = "PRUNED"
                with _guarded("the end of a trial"):
                    status = run.fail(stopped)
                raise _pruned(stopped) from None
            except BaseException as error:
                state = "PRUNED" if is_pruned(error) else "FAIL"
                status = _STATUS[state]
                with _guarded("the error of a trial"):
                    status = run.fail(error)
                raise
            finally:
                _methods.remove(trial, "report")
                with _guarded("the parameters of a trial"), without_stopping():
                    self._log_end(trial, run, state)
                with _guarded("the end of a trial"):
                    run.end(status)

        return objective

    def _start_trial(self, trial: Trial) -> ActiveRun | None:
        """Return the trial's run, or None if it cannot be started. The trial then runs without one."""
        parent, run = self.run, None
        with _guarded("a trial"):
            assert parent is not None
            run = start_run(
                run_name=f"trial {trial.number}",
                nested=True,
                parent_run_id=parent.info.run_id,
                experiment_id=parent.info.experiment_id,
                tags={"number": trial.number, "direction": _direction(self.study)},
            )
        if run is not None:
            with _guarded("the intermediate values of a trial"):
                self._log_reports(trial, run)
        return run

    def _log_reports(self, trial: Trial, run: ActiveRun) -> None:
        """Log intermediate values when the trial reports them, so that their curve can be followed."""
        key = f"intermediate_{self._metric_names[0]}"
        reported: set[int] = set()

        def logged(report: Callable[[float, int], None], value: float, step: int) -> None:
            report(value, step)
            with _guarded("an intermediate value of a trial"):
                # If a step is reported twice, Optuna keeps the first value.
                if int(step) not in reported:
                    reported.add(int(step))
                    run.log_metric(key, float(value), step=int(step))

        _methods.put(trial, "report", logged)

    def _log_end(self, trial: Trial, run: ActiveRun, state: str) -> None:
        self._runs[trial.number] = (run.info.run_id, state)
        run.log_params(trial.params)
        run.set_tags({**_trial_tags(trial), STATE: state})

    def _log_values(self, run: ActiveRun, returned: Any) -> None:
        values = returned if isinstance(returned, Sequence) and not isinstance(returned, str) else [returned]
        # A value that is not a number makes the trial fail. Optuna reports that, and `_on_trial_end` logs it.
        with suppress(TypeError, ValueError):
            run.log_metrics(dict(zip(self._metric_names, map(float, values), strict=True)), step=0)

    def _on_trial_end(self, study: Study, trial: FrozenTrial) -> None:
        """Log the state that Optuna gave a trial. Optuna calls this after each trial."""
        if self.run is not None and self.run.should_stop:
            study.stop()
        with _guarded("the state of a trial"), without_stopping():
            run_id, noted = self._runs.pop(trial.number, (None, ""))
            if run_id is None or self.run is None:
                return
            client, state = self.run.client, trial.state.name
            recorder = client.recorder(run_id)
            if state != noted:
                recorder.tags({STATE: state})
                recorder.status(_STATUS.get(state, RunStatus.FAILED))
            if trial.datetime_complete is not None:
                recorder.tags({"datetime_complete": trial.datetime_complete})
            self._count_trial(state)

    def _count_trial(self, state: str) -> None:
        with self._best_lock:
            self._finished_trials += 1
            if self.run is not None and len(self._metric_names) == 1 and state == "COMPLETE":
                self._log_best(self.run, self._finished_trials)

    def _log_best(self, run: ActiveRun, step: int) -> None:
        """Log the best value so far, by the number of trials that have ended, as a curve of the search.

        The step is not the trial's number, because with several threads a later trial may end first.
        """
        # A study with constraints may not have a best trial yet.
        with suppress(ValueError):
            if (best := self.study.best_value) != self._best:
                run.log_metric(f"best_{self._metric_names[0]}", best, step=step)
                self._best = best

    # -- the study's own run -------------------------------------------------------------------------------------

    def _study_tags(self) -> dict[str, str]:
        study = self.study
        return {
            **{key: storable(str(value)) for key, value in study.user_attrs.items()},
            "optuna.study": study.study_name,
            "optuna.sampler": type(study.sampler).__name__,
            "optuna.pruner": type(study.pruner).__name__,
            "direction": _direction(study),
            **self._tags,
        }

    def _log_results(self, run: ActiveRun) -> None:
        trials = self.study.get_trials(deepcopy=False)
        for state in _STATUS:
            run.set_tag(f"optuna.trials.{state.lower()}", sum(trial.state.name == state for trial in trials))
        several = len(self._metric_names) > 1
        try:
            best = self.study.best_trials if several else [self.study.best_trial]
        except ValueError:
            return
        run.set_tag("best_trial", ", ".join(str(trial.number) for trial in best))
        if not several:
            # Only the final parameters, because every change of a param is kept.
            run.log_params({f"best_{key}": value for key, value in best[0].params.items()})
            self._log_best(run, self._finished_trials)


def _pruned(stopped: RunStopped) -> Exception:
    """Return what tells Optuna that a trial was stopped. For other exceptions, it would leave the trial running."""
    from optuna.exceptions import TrialPruned

    return TrialPruned(stopped.message)


def _metric_names(study: Study, wanted: str | Sequence[str] | None) -> list[str]:
    count = len(study.directions)
    if isinstance(wanted, str):
        return [wanted] if count == 1 else [f"{wanted}_{number}" for number in range(count)]
    names = wanted or study.metric_names
    if names is None:
        return _metric_names(study, "value")
    if len(names) != count:
        raise InvalidParameter(
            f"metric_name must have one name for each direction of the study. Directions: {count}. Names: {len(names)}."
        )
    return list(names)


def _direction(study: Study) -> str:
    return ", ".join(direction.name for direction in study.directions)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1000)


def _trial_tags(trial: Trial | FrozenTrial) -> dict[str, str]:
    """Return the tags that Optuna's MLflowCallback sets, under its names."""
    found = {f"{key}_distribution": str(value) for key, value in trial.distributions.items()}
    found |= {key: storable(str(value)) for key, value in trial.user_attrs.items()}
    return {**found, "datetime_start": str(trial.datetime_start)}


class _Methods:
    """Methods of single objects that replace those of their class.

    Each gets the original method, bound, as its first argument. The class is patched as long as one of its objects
    needs it. As an attribute of the object, the method would be pickled or copied with it, for example by a callback
    that saves the study to a file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[tuple[type, str], dict[int, tuple[Any, Callable[..., Any]]]] = {}
        """For each method of a class: the objects, by `id()`, and their replacements."""
        self._patches: dict[tuple[type, str], Patches] = {}

    def has(self, instance: Any, name: str) -> bool:
        return id(instance) in self._tables.get((type(instance), name), ())

    def put(self, instance: Any, name: str, method: Callable[..., Any]) -> None:
        key = type(instance), name
        with self._lock:
            if key not in self._tables:
                table = self._tables[key] = {}
                self._patches[key] = Patches("optuna")
                self._patches[key].replace(*key, _dispatching(*key, table))
            self._tables[key][id(instance)] = instance, method

    def remove(self, instance: Any, name: str) -> None:
        key = type(instance), name
        with self._lock:
            table = self._tables.get(key, {})
            table.pop(id(instance), None)
            if key in self._tables and not table:
                del self._tables[key]
                self._patches.pop(key).undo()


def _dispatching(owner: type, name: str, table: Mapping[int, tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """Return a method of a class that first looks for a replacement in the table."""
    original = getattr(owner, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = partial(original, self)
        _, instead = table.get(id(self), (self, None))
        return own(*args, **kwargs) if instead is None else instead(own, *args, **kwargs)

    return method


_methods = _Methods()

_warned: set[tuple[str, type]] = set()


@contextmanager
def _guarded(what: str) -> Iterator[None]:
    """Turn an exception into a warning, once for each kind, so that the study continues."""
    try:
        yield
    except Exception as error:
        if (what, type(error)) not in _warned:
            _warned.add((what, type(error)))
            warnings.warn(
                f"nbtrack could not log {what}: {sentence(error)} The study continues.", RuntimeWarning, stacklevel=3
            )

"""Starting and ending runs, and what is done to whole runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .. import capture, config
from ..client import Client
from ..entities import LifecycleStage, Rewound, Run, RunStatus
from ..errors import InvalidParameter, InvalidState, NotFound, StoreError
from ..runs import ancestors, stack, system_metrics
from ..runs.active_run import ActiveRun
from ..store.protocol import DEFAULT_ID
from ..tags import KILLED, NOTE, PARENT, USER
from . import state
from .experiments import chosen_experiment_id
from .search import scope_of


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or go on with the run `run_id`, and make it the active one.

    Use it in a `with` statement, or end it with end_run. Raises InvalidState where a run is active already and
    `nested` is not set; but a run that an earlier execution of the same notebook cell left open is ended first.
    A nested run's parent is the active run: the thread's own, else the main thread's, else, in a worker process, that
    of the process which started it; or say it by `parent_run_id` or NBTRACK_PARENT_RUN_ID.
    `log_system_metrics` says for this run what `enable_system_metrics_logging` and its opposite say for all.

    >>> with start_run(run_name="baseline") as run:
    ...     log_metric("loss", 0.5)
    """
    cell = capture.current_cell()
    _end_leftovers(cell)
    around = stack.conflicting()
    if around and not nested:
        raise InvalidState(
            f"Run {around.info.run_name!r} ({around.info.run_id}) is already active. End it with end_run(), or start a "
            "nested run with start_run(nested=True)."
        )
    around = stack.current() if nested else None
    above = ancestors.parent_run() if around is None and (nested or parent_run_id) and not run_id else None
    client = Client(above.store) if above and above.store and not config.is_tracking_uri_set() else Client()
    if run_id is None and around is None and above is None:
        # As in MLflow it names the first run only: the others of this process are new ones.
        run_id = config.environment("RUN_ID")
        os.environ.pop("NBTRACK_RUN_ID", None)
        os.environ.pop("MLFLOW_RUN_ID", None)
    if run_id:
        run = _resumed(client, run_id, experiment_id)
        if tags or description or run_name:
            extra = {**(tags or {}), **({NOTE: description} if description else {})}
            client.recorder(run_id).tags(extra)
            client.update_run(run_id, name=run_name)
            run = client.get_run(run_id)
    else:
        if parent_run_id is None and around:
            parent_run_id = around.info.run_id
        elif parent_run_id is None and nested and above:
            parent_run_id = above.run_id
        if experiment_id is None:
            experiment_id = chosen_experiment_id(client)
        if parent_run_id and not any(run.info.run_id == parent_run_id for run in stack.all_open_runs()):
            noted = above.experiment_id if above and above.run_id == parent_run_id else None
            of_parent = noted or _experiment_of(client, parent_run_id)
            # A worker process does not know what its parent chose.
            experiment_id = experiment_id or of_parent
        if description and NOTE in (tags or {}):
            raise InvalidParameter(f"Pass either description or the tag {NOTE}, not both.")
        all_tags = {
            **capture.run_tags(),
            **({PARENT: parent_run_id} if parent_run_id else {}),
            **({NOTE: description} if description else {}),
            **(tags or {}),
        }
        all_tags.setdefault(USER, "")
        run = client.create_run(experiment_id or DEFAULT_ID, tags=all_tags, run_name=run_name)
    started = ActiveRun(client, run, _ended)
    started.cell = cell
    stack.push(started)
    system_metrics.watch(started, log_system_metrics)
    return started


def _experiment_of(client: Client, parent_run_id: str) -> str | None:
    """The experiment of a run that is to be a parent; None where the store cannot be read now.

    Raises NotFound, and InvalidParameter where the run is in the bin.
    """
    try:
        info = client.get_run(parent_run_id).info
    except StoreError:
        return None
    if info.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameter(f"The parent run {parent_run_id!r:.80} is deleted. Restore it with restore_run().")
    return info.experiment_id


def _resumed(client: Client, run_id: str, experiment_id: str | None) -> Run:
    run = client.get_run(run_id)
    if experiment_id is not None and run.info.experiment_id != str(experiment_id):
        raise InvalidParameter(
            f"Run {run_id!r:.80} belongs to experiment {run.info.experiment_id}, not to experiment {experiment_id}. "
            "Leave experiment_id out."
        )
    if any(other.info.run_id == run_id for other in stack.all_open_runs()):
        raise InvalidState(f"Run {run.info.run_name!r} ({run_id}) is already active.")
    return client.resume_run(run_id)


def _end_leftovers(cell: capture.Cell | None) -> None:
    """End the runs that an earlier execution of this cell left open."""
    if cell is None or cell.cell_id is None:
        return
    for run in reversed(stack.open_runs()):
        if run.cell and run.cell.cell_id == cell.cell_id and run.cell.execution != cell.execution:
            run.set_tag(KILLED, "the cell that started it was run again")
            run.end(RunStatus.KILLED)


def _ended(run: ActiveRun) -> None:
    stack.ended(run)
    state.last_run = run


def end_run(status: str = "FINISHED") -> None:
    """End the active run, if there is one."""
    run = stack.current()
    if run:
        run.end(status)


def active_run() -> ActiveRun | None:
    """The innermost active run, or None. In a worker thread: the run that it works for."""
    return stack.current()


def last_active_run() -> Run | None:
    """The active run, else the one that was active last in this process, else None."""
    run = stack.current() or state.last_run
    return run.client.get_run(run.info.run_id) if run else None


def get_run(run_id: str) -> Run:
    """A run with its params, tags and last metrics. Raises NotFound."""
    return Client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that this one is nested in, if any."""
    return Client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Put a run and the runs nested in it into the bin."""
    Client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Take a run and the runs nested in it out of the bin."""
    Client().restore_run(run_id)


def rewind(step: int) -> Rewound:
    """Drop every point of the active run whose step is above `step`; how many of which metric.

    Steps count on from there: resume a run, go back to its last checkpoint, and train on. The machine's own metrics
    (`system/…`), params, tags and artifacts stay. Raises InvalidState where no run is active.

    >>> with start_run():
    ...     log_metrics({"loss": 0.5}, step=0)
    ...     log_metrics({"loss": 0.4}, step=1)
    ...     rewind(0).points
    1
    """
    run = stack.current()
    if run is None:
        raise InvalidState("No run is active. Resume the run first, with start_run(run_id=…).")
    return run.rewind(step)


def move_runs(
    runs: Any,
    experiment_name: str | None = None,
    *,
    experiment_id: str | None = None,
    search_all_experiments: bool = False,
) -> int:
    """Give runs, along with the runs nested in them, to another experiment, which must be there; how many changed.

    `runs` are ids, Run objects, a DataFrame of search_runs, or a filter on the runs of the active experiment (of all
    of them with `search_all_experiments`). Artifacts stay where they are, and the runs know it.

    >>> count = move_runs("metrics.loss > 10", "archive")  # doctest: +SKIP
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Pass either experiment_name or experiment_id to move_runs().")
    client = Client()
    if experiment_name is not None:
        experiment = client.get_experiment_by_name(experiment_name)
        if experiment is None:
            raise NotFound(f"Experiment {experiment_name!r:.120} does not exist. Create it with create_experiment().")
        experiment_id = experiment.experiment_id
    run_ids = client._ids(runs, "move_runs", scope_of(None, None, search_all_experiments))
    return client.move_runs(run_ids, str(experiment_id))


def tag_runs(runs: Any, tags: Mapping[str, Any], *, search_all_experiments: bool = False) -> int:
    """Set tags on many runs at once; on how many. `runs` are those of move_runs.

    >>> count = tag_runs("metrics.loss < 0.1", {"keep": "yes"})
    """
    client = Client()
    return client.tag_runs(client._ids(runs, "tag_runs", scope_of(None, None, search_all_experiments)), tags)


def ensure_run() -> ActiveRun:
    """The run that a log call goes to. As in MLflow, one is started where none is active."""
    return stack.current() or start_run()


def target(run_id: str | None) -> tuple[Client, str]:
    """A run by id in the current store; else the active run, in the store that it was started in."""
    if run_id is not None:
        return Client(), run_id
    run = ensure_run()
    return run.client, run.info.run_id

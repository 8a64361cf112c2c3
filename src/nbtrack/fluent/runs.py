"""Starting and ending runs, and operations on whole runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from .. import capture, config
from ..client import Client
from ..entities import Alert, LifecycleStage, Rewound, Run, RunStatus
from ..errors import InvalidParameter, InvalidState, NotFound, StoreError
from ..names import UNKNOWN_USER, check_dict
from ..runs import ancestors, observer, process_outcome, stack, stopped_cells, system_metrics
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
    """Start a run, or resume one, and make it the active run.

    Use the run in a `with` statement, which ends it, or end it with `end_run`. If an earlier execution of the same
    notebook cell left a run open, that run is ended first.

    Args:
        run_id: Run to resume. It is set to RUNNING, and `run_name`, `tags` and `description` are added to it. By
            default, a new run is started. Only the first call in a process without `parent_run_id` resumes the run in
            the environment variable NBTRACK_RUN_ID, if it is set.
        experiment_id: Experiment of the new run. Defaults to the active experiment.
        run_name: Name of the run. Defaults to a generated name such as "keen-otter-417".
        nested: Whether the run is a child of the active run. If False, starting a run while another one is active
            raises InvalidState; in a thread other than the main one, only a run that this thread started is active. If
            True, the parent in a thread is the run that the thread started, or else the active run of the main thread.
            In a worker process, the parent is the active run of the process that started it.
        parent_run_id: ID of the parent run, instead of the active run. The environment variable NBTRACK_PARENT_RUN_ID
            sets it for a worker process. `nested=True` is still required while a run is active.
        tags: Tags of the run. Values are converted to strings.
        description: Description of the run in Markdown.
        log_system_metrics: Whether to log CPU, memory, disk, network and GPU metrics during the run. Defaults to the
            setting of `enable_system_metrics_logging` and `disable_system_metrics_logging`, which is to log them.

    Returns:
        The active run, which is a context manager. It ends the run as FINISHED, as FAILED if the block raises an
        exception, or as KILLED on a KeyboardInterrupt.

    Raises:
        InvalidState: If a run is already active and `nested` is False, or if the run to resume is already active.
        NotFound: If `run_id`, `parent_run_id` or `experiment_id` does not exist.
        InvalidParameter: If one of them is deleted, if the run to resume is in another experiment, or if both
            `description` and the tag `mlflow.note.content` are given.

    Example:
        >>> with start_run(run_name="baseline") as run:
        ...     log_metric("loss", 0.5)
    """
    check_dict(tags or {}, "tags")
    cell = capture.current_cell()
    process_outcome.watch()
    stopped_cells.watch()
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
    if run_id is None and around is None and above is None and parent_run_id is None:
        # As in MLflow, the variable names only the first run of a process. The others are new ones, and so is a run
        # with a parent: a launcher's variable then often names the parent itself.
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
            experiment_id = chosen_experiment_id(client, inherited=False)
        if parent_run_id and not any(run.info.run_id == parent_run_id for run in stack.all_open_runs()):
            noted = above.experiment_id if above and above.run_id == parent_run_id else None
            of_parent = noted or _experiment_of(client, parent_run_id)
            # A worker process does not know which experiment its parent process has set.
            experiment_id = experiment_id or of_parent
        if experiment_id is None:
            experiment_id = chosen_experiment_id(client)
        if description and NOTE in (tags or {}):
            raise InvalidParameter(f"Pass either description or the tag {NOTE}, not both.")
        all_tags = {
            **capture.run_tags(),
            **({PARENT: parent_run_id} if parent_run_id else {}),
            **({NOTE: description} if description else {}),
            **(tags or {}),
        }
        all_tags.setdefault(USER, UNKNOWN_USER)
        run = client.create_run(experiment_id or DEFAULT_ID, tags=all_tags, run_name=run_name)
    started = ActiveRun(client, run, _ended, _active_with_id)
    started.cell = cell
    stack.push(started)
    system_metrics.watch(started, log_system_metrics)
    project = ancestors.project_run()
    # The command of a project runs in a process that keeps all of its output.
    is_of_project = project is not None and project.run.run_id == run.info.run_id
    observer.watch(client, run.info.run_id, keeps_output=not is_of_project)
    return started


def _experiment_of(client: Client, parent_run_id: str) -> str | None:
    """Find the experiment of a run that is to be a parent.

    Returns:
        Its ID, or None if the store cannot be read now.

    Raises:
        NotFound: If the run does not exist.
        InvalidParameter: If the run is deleted.
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
    observer.ended(run.info.run_id)
    stack.ended(run)
    state.last_run = run


def _active_with_id(run_id: str) -> ActiveRun | None:
    return next((run for run in stack.open_runs() if run.info.run_id == run_id), None)


def end_run(status: str = "FINISHED") -> None:
    """End the active run. Nothing happens if no run is active.

    Args:
        status: The run's final status: "FINISHED", "FAILED" or "KILLED".

    Raises:
        InvalidParameter: If the status is not a run status.
    """
    run = stack.current()
    if run:
        run.end(status)


def stop_run(run_id: str, reason: str | None = None) -> None:
    """Stop a run cleanly, also a run of another process.

    The process that runs it notices within a second. The next log call of the run stores its data and then raises
    `RunStopped`, once in each thread, and `should_stop` is true. The run ends as KILLED, with the tags
    `nbtrack.stopped_by` and `nbtrack.stop_reason`. Runs of the same process that are nested in it are stopped too, but
    not the run that it is nested in. A run that ends before it has noticed the request was not stopped.

    Args:
        run_id: ID of the run.
        reason: Why the run is stopped. Defaults to no reason.

    Raises:
        NotFound: If the run does not exist.
        InvalidState: If the run has ended, or if no process that is still alive runs it.
        NotSupported: If the store is not a folder.

    Example:
        >>> with start_run() as run:  # doctest: +SKIP
        ...     stop_run(run.info.run_id, reason="The loss is not falling")
        ...     log_metric("loss", 0.5)
        Traceback (most recent call last):
            ...
        nbtrack.errors.RunStopped: Run 'keen-otter-417' was stopped by ada: The loss is not falling
    """
    Client().stop_run(run_id, reason)


def should_stop() -> bool:
    """Return whether somebody has asked to stop the active run, for a loop that ends itself.

    Such a loop is not interrupted: once this has returned True, no log call of the thread raises `RunStopped` for this
    request. The run ends as KILLED, with the name of the user who has stopped it.

    Returns:
        Whether the run should stop. False if no run is active.

    Example:
        >>> with start_run():
        ...     for step in range(3):
        ...         log_metric("loss", 1 / (step + 1))
        ...         if should_stop():
        ...             break  # after saving a checkpoint, for example
    """
    run = stack.current()
    return run is not None and run.should_stop


def alert_if(condition: str, *, stop: bool = False, callback: Callable[[Alert], object] | None = None) -> None:
    """Raise an alert when a metric of the active run, which is started if there is none, meets a condition.

    The condition is evaluated after each log call of a metric that it names, on what this process has logged to the
    run: `metrics.loss` is the last value, and `min`, `max`, `mean`, `first` and `count` work too. When it holds for the
    first time, a warning shows the alert. The live run and the tag `nbtrack.alerts` list it, with the first and the
    last point that met it and a count. NaN and infinite values of any metric raise an alert without being asked for,
    unless NBTRACK_ALERT_ON_NAN is false.

    Args:
        condition: A filter of metrics, params and tags, such as "metrics.loss > 10".
        stop: Whether the alert stops the run, as `stop_run` does.
        callback: Called once, with a `nbtrack.entities.Alert`, when the condition is met for the first time. An
            exception that it raises is raised by the log call.

    Raises:
        QueryError: If the condition is not a valid filter.
        InvalidParameter: If it names no metric, or something other than metrics, params and tags, or if `callback`
            cannot be called.

    Example:
        >>> with start_run():
        ...     alert_if("metrics.loss > 10", callback=lambda alert: print("Alert at step", alert.step))
        ...     log_metric("loss", 12.5)
        Alert at step 0
    """
    ensure_run().alert_if(condition, stop=stop, callback=callback)


def active_run() -> ActiveRun | None:
    """Return the innermost active run.

    Returns:
        The run, or None. In a thread that has not started a run, the active run of the main thread.
    """
    return stack.current()


def last_active_run() -> Run | None:
    """Return the run that was active last in this process.

    Returns:
        The active run, or else the run that was ended last, with its current data, or None.
    """
    run = stack.current() or state.last_run
    return run.client.get_run(run.info.run_id) if run else None


def get_run(run_id: str) -> Run:
    """Return a run with its params, its tags and the last value of each metric.

    Args:
        run_id: ID of the run. It can be deleted.

    Returns:
        The run as it is now. The object does not change when data is logged later.

    Raises:
        NotFound: If the run does not exist.
    """
    return Client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """Return the parent of a nested run.

    Args:
        run_id: ID of the nested run.

    Returns:
        The parent run, or None if the run is not nested.

    Raises:
        NotFound: If one of the two runs does not exist.
    """
    return Client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Delete a run and the runs nested in it.

    They can be restored with `restore_run` until `nbtrack gc` removes them for good.

    Args:
        run_id: ID of the run.

    Raises:
        NotFound: If the run does not exist.
    """
    Client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Restore a deleted run and the runs nested in it.

    Args:
        run_id: ID of the run.

    Raises:
        NotFound: If the run does not exist.
    """
    Client().restore_run(run_id)


def rewind(step: int) -> Rewound:
    """Delete every point of the active run's metrics whose step is above `step`.

    Steps then continue from there. So you can resume a run, go back to its last checkpoint and train on. System metrics
    (`system/…`), params, tags and artifacts are kept.

    Args:
        step: The last step to keep.

    Returns:
        How many points were deleted: `points` in all, and `metrics` by key.

    Raises:
        InvalidState: If no run is active.
        InvalidParameter: If `step` is not an integer.

    Example:
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
    """Move runs, with the runs nested in them, to another experiment: all or none.

    Artifacts stay where they are, and the runs still find them.

    Args:
        runs: Run IDs, `Run` objects, a table returned by `search_runs`, or a filter string for the runs of the active
            experiment.
        experiment_name: Name of the experiment to move to. It must exist.
        experiment_id: ID of the experiment to move to, instead of `experiment_name`.
        search_all_experiments: Whether a filter applies to the runs of all experiments.

    Returns:
        The number of moved runs, including nested runs.

    Raises:
        NotFound: If the experiment or a run does not exist.
        InvalidParameter: If neither or both of `experiment_name` and `experiment_id` are given, or if a run or the
            experiment is deleted.
        QueryError: If the filter is not valid.

    Example:
        >>> count = move_runs("metrics.loss > 10", "archive")  # doctest: +SKIP
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Pass either experiment_name or experiment_id to move_runs(), and not both.")
    client = Client()
    if experiment_name is not None:
        experiment = client.get_experiment_by_name(experiment_name)
        if experiment is None:
            raise NotFound(f"Experiment {experiment_name!r:.120} does not exist. Create it with create_experiment().")
        experiment_id = experiment.experiment_id
    run_ids = client._ids(runs, "move_runs", scope_of(None, None, search_all_experiments))
    return client.move_runs(run_ids, str(experiment_id))


def tag_runs(runs: Any, tags: Mapping[str, Any], *, search_all_experiments: bool = False) -> int:
    """Set tags on many runs at once: on all or none.

    Args:
        runs: Run IDs, `Run` objects, a table returned by `search_runs`, or a filter string for the runs of the active
            experiment.
        tags: Values by key. They are converted to strings and replace earlier values.
        search_all_experiments: Whether a filter applies to the runs of all experiments.

    Returns:
        How many runs were tagged. Nested runs are tagged only if they are among `runs`.

    Raises:
        NotFound: If a run does not exist.
        InvalidParameter: If a run is deleted, or if a key is empty or too long.
        QueryError: If the filter is not valid.

    Example:
        >>> count = tag_runs("metrics.loss < 0.1", {"keep": "yes"})
    """
    client = Client()
    return client.tag_runs(client._ids(runs, "tag_runs", scope_of(None, None, search_all_experiments)), tags)


def ensure_run() -> ActiveRun:
    """Return the run that a log call goes to. As in MLflow, a run is started if none is active."""
    return stack.current() or start_run()


def target(run_id: str | None) -> tuple[Client, str]:
    """Return a run by its ID and the current store, or the active run and the store that it was started in."""
    if run_id is not None:
        return Client(), run_id
    run = ensure_run()
    return run.client, run.info.run_id

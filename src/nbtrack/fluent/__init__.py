"""The module-level API: MLflow's names, arguments and meanings on the active run and the active experiment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from .. import capture, config
from ..client import Client
from ..client.tracking import KILLED, NOTE, PARENT, USER
from ..data.dataset import dataset_input
from ..entities import Experiment, LifecycleStage, Metric, Param, Rewound, Run, RunStatus, RunTag, ViewType
from ..errors import AlreadyExists, InvalidParameter, InvalidState, NotFound, NotSupported, StoreError
from ..frame import OutputFormat, check_format, from_columns
from ..process_end import at_process_end
from ..runs import ancestors, system_metrics
from ..runs import stack as active
from ..runs.active_run import ActiveRun
from ..store.protocol import DEFAULT_ID

if TYPE_CHECKING:
    from pathlib import Path

    import pandas
    import polars
    import pyarrow

    from ..client.upkeep import Report
    from ..models.best import Best

_experiments: dict[str, str] = {}
"""The active experiment's id in each store that this process has used."""
_last_run: ActiveRun | None = None


def _client() -> Client:
    return Client()


# -- experiments -------------------------------------------------------------------------------------------------


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Log to this experiment from now on; a name that no active experiment has makes a new one.

    >>> experiment = set_experiment("digits")
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Give set_experiment either a name or an experiment_id.")
    client = _client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment.")
    else:
        experiment = _experiment_named(client, experiment_name)
    _experiments[client.tracking_uri] = experiment.experiment_id
    return experiment


def _experiment_named(client: Client, name: Any) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != LifecycleStage.ACTIVE:
        try:
            return client.get_experiment(client.create_experiment(name))
        except AlreadyExists:
            # Another process made it between our look and now.
            found = client.get_experiment_by_name(name)
            assert found is not None
    return found


def active_experiment_id() -> str:
    """The id of the experiment that new runs go to: set_experiment, the environment, else Default."""
    return _chosen_experiment_id(_client()) or DEFAULT_ID


def _chosen_experiment_id(client: Client) -> str | None:
    """The experiment that set_experiment or the environment says; None where neither does."""
    chosen = _experiments.get(client.tracking_uri) or config.environment("EXPERIMENT_ID")
    if chosen is None and (name := config.environment("EXPERIMENT_NAME")):
        chosen = _experiment_named(client, name).experiment_id
    if chosen is not None:
        _experiments[client.tracking_uri] = chosen
    return chosen


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Make an experiment; its id. Raises AlreadyExists where an active one has the name."""
    return _client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment with this id, deleted or not. Raises NotFound."""
    return _client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The active experiment of this name, else a deleted one, else None."""
    return _client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Experiments that match, the one changed last first."""
    limit = 50_000 if max_results is None else max_results
    return list(_client().search_experiments(view_type, limit, filter_string, order_by))


def rename_experiment(experiment_id: str, new_name: str) -> None:
    """Give an experiment another name."""
    _client().rename_experiment(experiment_id, new_name)


def delete_experiment(experiment_id: str) -> None:
    """Put an experiment and its runs into the bin; its name is free again."""
    client = _client()
    client.delete_experiment(experiment_id)
    if _experiments.get(client.tracking_uri) == str(experiment_id):
        del _experiments[client.tracking_uri]


def restore_experiment(experiment_id: str) -> None:
    """Take an experiment, with the runs that went along with it, out of the bin."""
    _client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag on the active experiment."""
    _client().set_experiment_tag(active_experiment_id(), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags on the active experiment."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment. Raises NotFound where it has none such."""
    _client().delete_experiment_tag(active_experiment_id(), key)


# -- runs --------------------------------------------------------------------------------------------------------


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
    around = active.in_the_way()
    if around and not nested:
        raise InvalidState(
            f"Run {around.info.run_name!r} ({around.info.run_id}) is already active. End it with end_run(), or start "
            "this one inside it with start_run(nested=True)."
        )
    around = active.current() if nested else None
    above = ancestors.parent_run() if around is None and (nested or parent_run_id) and not run_id else None
    client = Client(above.store) if above and above.store and not config.is_tracking_uri_set() else _client()
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
            experiment_id = _chosen_experiment_id(client)
        if parent_run_id and not any(run.info.run_id == parent_run_id for run in active.everywhere()):
            noted = above.experiment_id if above and above.run_id == parent_run_id else None
            of_parent = noted or _experiment_of(client, parent_run_id)
            # A worker process does not know what its parent chose.
            experiment_id = experiment_id or of_parent
        if description and NOTE in (tags or {}):
            raise InvalidParameter(f"Give either `description` or the tag {NOTE}, not both.")
        all_tags = {
            **capture.run_tags(),
            **({PARENT: parent_run_id} if parent_run_id else {}),
            **({NOTE: description} if description else {}),
            **(tags or {}),
        }
        all_tags.setdefault(USER, "")
        run = client.create_run(experiment_id or DEFAULT_ID, tags=all_tags, run_name=run_name)
    started = ActiveRun(client, run, _end)
    started.cell = cell
    active.push(started)
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
        raise InvalidParameter(f"The parent run {parent_run_id} is deleted. Restore it with restore_run.")
    return info.experiment_id


def _resumed(client: Client, run_id: str, experiment_id: str | None) -> Run:
    run = client.get_run(run_id)
    if experiment_id is not None and run.info.experiment_id != str(experiment_id):
        raise InvalidParameter(
            f"Run {run_id} belongs to experiment {run.info.experiment_id}, not {experiment_id}. "
            "Leave experiment_id out."
        )
    if any(other.info.run_id == run_id for other in active.everywhere()):
        raise InvalidState(f"Run {run.info.run_name!r} ({run_id}) is active already.")
    return client.resume_run(run_id)


def _end_leftovers(cell: capture.Cell | None) -> None:
    """End the runs that an earlier execution of this cell left open."""
    if cell is None or cell.cell_id is None:
        return
    for run in reversed(active.stack()):
        if run.cell and run.cell.cell_id == cell.cell_id and run.cell.execution != cell.execution:
            run.set_tag(KILLED, "the cell that started it was run again")
            run.end(RunStatus.KILLED)


def _end(run: ActiveRun, status: str) -> None:
    global _last_run
    # First: a run that cannot be ended (it was deleted) must not stay active for ever.
    run.is_open = False
    active.ended(run)
    _last_run = run
    try:
        run._client.set_terminated(run.info.run_id, status)
    except StoreError:
        # Whether the run has been deleted meanwhile cannot be seen now. It must end all the same.
        run._recorder.status(status)


def end_run(status: str = "FINISHED") -> None:
    """End the active run, if there is one."""
    run = active.current()
    if run:
        run.end(status)


def active_run() -> ActiveRun | None:
    """The innermost active run, or None. In a worker thread: the run that it works for."""
    return active.current()


def last_active_run() -> Run | None:
    """The active run, else the one that was active last in this process, else None."""
    run = active.current() or _last_run
    return run._client.get_run(run.info.run_id) if run else None


def get_run(run_id: str) -> Run:
    """A run with its params, tags and last metrics. Raises NotFound."""
    return _client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that this one is nested in, if any."""
    return _client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Put a run and the runs nested in it into the bin."""
    _client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Take a run and the runs nested in it out of the bin."""
    _client().restore_run(run_id)


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
    run = active.current()
    if run is None:
        raise InvalidState("No run is active. Resume the one that you mean: start_run(run_id=…).")
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
        raise InvalidParameter("Give move_runs either an experiment's name or an experiment_id.")
    client = _client()
    if experiment_name is not None:
        experiment = client.get_experiment_by_name(experiment_name)
        if experiment is None:
            raise NotFound(f"No experiment is named {experiment_name!r:.120}. Make it with create_experiment.")
        experiment_id = experiment.experiment_id
    run_ids = client._ids(runs, "move_runs", scope_of(None, None, search_all_experiments))
    return client.move_runs(run_ids, str(experiment_id))


def tag_runs(runs: Any, tags: Mapping[str, Any], *, search_all_experiments: bool = False) -> int:
    """Set tags on many runs at once; on how many. `runs` are those of move_runs.

    >>> count = tag_runs("metrics.loss < 0.1", {"keep": "yes"})
    """
    client = _client()
    return client.tag_runs(client._ids(runs, "tag_runs", scope_of(None, None, search_all_experiments)), tags)


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pandas.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["polars"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> polars.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["arrow"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pyarrow.Table: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: OutputFormat | Literal["list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Runs that match the filter, as a table (one row a run: pandas, polars or Arrow) or as a list of Run objects.

    Looks into the active experiment unless ids, names or `search_all_experiments` say otherwise; newest first unless
    `order_by` does. The filter's grammar is the guide's page `query`. The columns are MLflow's: run_id, experiment_id,
    status, artifact_uri, start_time, end_time (UTC), then `metrics.…` (last values), `params.…` and `tags.…`.

    >>> best = search_runs(filter_string="metrics.loss < 1", order_by=["metrics.loss ASC"], max_results=10)
    """
    check_format(output_format, "list")
    client = _client()
    ids = scope_of(experiment_ids, experiment_names, search_all_experiments)
    if output_format == "list":
        return list(client.search_runs(ids, filter_string, run_view_type, max_results, order_by))
    return from_columns(client._search_columns(ids, filter_string, run_view_type, max_results, order_by), output_format)


def scope_of(
    experiment_ids: Sequence[str] | None, experiment_names: Sequence[str] | None, search_all_experiments: bool
) -> list[str] | None:
    """The experiments that a search looks into; None for all."""
    if isinstance(experiment_ids, str):
        raise InvalidParameter(
            f"experiment_ids takes a list of ids, not the text {experiment_ids!r:.80}. A filter goes into "
            "filter_string=…, names into experiment_names=[…]."
        )
    if experiment_ids and experiment_names:
        raise InvalidParameter("Give either experiment_ids or experiment_names, not both.")
    if experiment_names:
        client = _client()
        found = {name: client.get_experiment_by_name(name) for name in experiment_names}
        for name, experiment in found.items():
            if experiment is None:
                raise NotFound(f"No experiment is named {name!r}. search_experiments() lists those that are there.")
        return [experiment.experiment_id for experiment in found.values() if experiment]
    if search_all_experiments:
        return None
    if experiment_ids is None or len(experiment_ids) == 0:
        return [active_experiment_id()]
    return [str(experiment_id) for experiment_id in experiment_ids]


# -- logging -----------------------------------------------------------------------------------------------------


def _run() -> ActiveRun:
    """The run that a log call goes to. As in MLflow, one is started where none is active."""
    return active.current() or start_run()


def _target(run_id: str | None) -> tuple[Client, str]:
    """A run by id in the current store; else the active run, in the store that it was started in."""
    if run_id is not None:
        return _client(), run_id
    run = _run()
    return run._client, run.info.run_id


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log one point of a metric; `timestamp` in epoch milliseconds. Without a step the metric's steps count themselves.

    `synchronous`, `model_id` and `dataset` are taken for MLflow's sake and change nothing. Raises InvalidParameter
    where `value` is no number.
    """
    if run_id is None:
        (active.current() or start_run()).log_metric(key, value, step, timestamp)
    else:
        _client().log_metric(run_id, key, value, timestamp, step)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log a point of several metrics, all or none. The keys of dicts in dicts are joined by `/`.

    >>> log_metrics({"train": {"loss": 0.5}, "val": {"loss": 0.6}}, step=1)  # train/loss and val/loss
    """
    if run_id is None:
        _run().log_metrics(metrics, step, timestamp)
    else:
        _client().recorder(run_id).metrics(metrics, step, timestamp)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param and return its value. A changed value is kept beside the earlier one."""
    return _run().log_param(key, value)


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Log several params, all or none. The keys of dicts in dicts are joined by `/`, values become text by `str`."""
    if run_id is None:
        _run().log_params(params)
    else:
        _client().recorder(run_id).params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag on the active run."""
    _run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags on the active run."""
    _run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises NotFound where it has none such."""
    _run().delete_tag(key)


def log_batch(
    metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = (), run_id: str | None = None
) -> None:
    """Log many metrics, params and tags at once: where one of them is wrong, none is logged."""
    client, run_id = _target(run_id)
    client.log_batch(run_id, metrics, params, tags)


def log_input(
    dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None, model: Any = None
) -> None:
    """Log a dataset that the active run is given, for `context` (such as "training").

    It is one of `nbtrack.data`, or one of MLflow's. The same one in the same context counts once.

    >>> log_input(nbtrack.data.from_file("train.csv"), context="training")  # doctest: +SKIP
    """
    if model is not None:
        raise NotSupported("log_input takes datasets only: models as inputs are not kept by this version.")
    _run().log_input(dataset, context, tags)


def log_inputs(
    datasets: Sequence[Any] = (),
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    models: Any = None,
) -> None:
    """Log several datasets, each with its context and its tags; lists that are given have one length."""
    contexts = [None] * len(datasets) if contexts is None else contexts
    tags_list = [None] * len(datasets) if tags_list is None else tags_list
    if not len(datasets) == len(contexts) == len(tags_list):
        raise InvalidParameter(
            f"log_inputs needs lists of one length; there are {len(datasets)} datasets, {len(contexts)} contexts and "
            f"{len(tags_list)} tags."
        )
    inputs = [dataset_input(*each) for each in zip(datasets, contexts, tags_list, strict=True) if each[0] is not None]
    run = _run()
    run._client.log_inputs(run.info.run_id, inputs, models)


def log_series(key: str, steps: Any, values: Any, timestamps: Any = None, run_id: str | None = None) -> None:
    """Log many points of one metric at once, all or none: lists, NumPy arrays, tensors or Series of one length.

    `steps` are whole numbers in any order, or None: then they count on from the metric's highest, as log_metric's do.
    `timestamps` are epoch milliseconds, or datetimes of NumPy or pandas (UTC where they name no time zone); without
    them all points are of now. Raises InvalidParameter for what is no number, and where the lengths differ; what a
    Series lacks is NaN.

    >>> log_series("loss", range(3), [0.9, 0.5, 0.4])
    """
    if run_id is None:
        _run().log_series(key, steps, values, timestamps)
    else:
        _client().log_series(run_id, key, steps, values, timestamps)


# -- artifacts ---------------------------------------------------------------------------------------------------


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a file or a folder to the run, below `artifact_path`."""
    client, run_id = _target(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy what is in a folder to the run, below `artifact_path`."""
    client, run_id = _target(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Write a text as an artifact."""
    client, run_id = _target(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Write a dict or a list as JSON, or as YAML where the file's name ends so."""
    client, run_id = _target(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Write a matplotlib or plotly figure."""
    client, run_id = _target(None)
    client.log_figure(run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Write a PIL image or a NumPy array, to a file or as the image of a key at a step."""
    client, run_id = _target(None)
    client.log_image(run_id, image, artifact_file, key, step, timestamp)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Write a dict or a DataFrame as a JSON table; rows are added where the table is there already."""
    client, run_id = _target(run_id)
    client.log_table(run_id, data, artifact_file)


def log_best(
    model: Any,
    metric: str,
    mode: Literal["max", "min"] = "max",
    *,
    value: Any = None,
    step: int | None = None,
    name: str = "best",
    flavor: str | None = None,
    run_id: str | None = None,
    silent: bool = False,
    **arguments: Any,
) -> Best:
    """Keep the model if the metric is better than at the run's best model so far, which it replaces; say so.

    The metric's last value counts, or `value`; NaN is never better. The flavor follows from the model's class; its
    `save_model` gets the other `arguments`. A model that a version in the registry points to stays, for that version.
    The tags `nbtrack.best.value`, `.step`, `.metric` and `.mode` say of what the model is the best. A model that is
    not better costs microseconds.

    >>> best = log_best(model, metric="val/auc", mode="max")  # doctest: +SKIP
    val/auc 0.93 at step 12 is better than 0.91: runs:/…/best is replaced; 1.2 MB saved.
    """
    from ..models.best import log_best

    client, run_id = _target(run_id)
    best = log_best(
        client, run_id, model, metric, mode, value=value, step=step, name=name, flavor=flavor, arguments=arguments
    )
    if best.is_new and not silent:
        print(best)
    return best


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run keeps its artifacts, or the one at `artifact_path`."""
    root = _run().info.artifact_uri
    return f"{root}/{artifact_path}" if artifact_path else root


# -- the store itself --------------------------------------------------------------------------------------------


def backup(target: str | os.PathLike[str], *, artifacts: bool = False, force: bool = False) -> Path:
    """Make one consistent copy of the store's database, while runs are being written; its path.

    With `artifacts`, `target` is a folder that is a store of its own. `force` overwrites a file, and of folders only
    an earlier backup. See `nbtrack guide repair`.

    >>> copy = backup("monday.duckdb", force=True)  # doctest: +SKIP
    """
    return _client().backup(target, artifacts=artifacts, force=force)


def restore_backup(source: str | os.PathLike[str]) -> Path | None:
    """Put a backup in the place of the store's database; where the one that was there is kept.

    >>> kept = restore_backup("monday.duckdb")  # doctest: +SKIP
    """
    return _client().restore_backup(source)


def doctor(repair: bool = False, rescue: Sequence[str | os.PathLike[str]] = (), *, contents: bool = False) -> Report:
    """Look the store over and say what is damaged; with `repair`, bring back all that can be read.

    With `contents`, every artifact is read and compared with the digest that it was kept by.

    >>> report = doctor()
    >>> report.is_healthy
    True
    """
    return _client().doctor(repair, rescue, contents=contents)


# -- the end of the process --------------------------------------------------------------------------------------


@at_process_end
def _end_open_runs() -> None:
    failed = not _interactive() and getattr(sys, "last_value", None) is not None
    for run in active.everywhere():
        if run.is_ours:
            run.end(RunStatus.FAILED if failed else RunStatus.FINISHED)


def _interactive() -> bool:
    """In a console or a notebook `sys.last_value` tells of an earlier cell, not of why the process ends."""
    return hasattr(sys, "ps1") or "IPython" in sys.modules

"""The tracking half of the client: experiments, runs, what is logged to them, artifacts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from ..artifact_store import writers as artifact_writers
from ..artifact_store.detour import RunArtifacts
from ..artifact_store.opening import open_repository
from ..entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    LifecycleStage,
    Metric,
    PagedList,
    Param,
    Rewound,
    Run,
    RunData,
    RunStatus,
    RunTag,
    ViewType,
)
from ..errors import InvalidParameter, NotFound, NotSupported, StoreError
from ..journal import now
from ..journal.recorder import artifact_line, tag_lines, whole_number, whole_timestamp
from ..names import check_name, check_text, new_run_name, storable
from ..store.protocol import Store
from ..tags import PARENT, RUN_NAME, USER
from .run_ids import is_filter, run_ids_of

Runs: TypeAlias = Any
"""An id, a filter, a run, several ids or runs, or a table of search_runs."""


class TrackingMixin:
    """Operations on experiments and runs by id, with MLflow's names and arguments."""

    _store: Store

    if TYPE_CHECKING:

        def capability(self, name: str) -> Any: ...

    # -- experiments ---------------------------------------------------------------------------------------------

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Make an experiment; its id. Raises AlreadyExists where an active one has the name."""
        check_name(name, "Experiment name")
        if artifact_location is not None:
            open_repository(artifact_location)
        texts = {
            check_name(key, "Tag key"): check_text(str(value), f"Tag {key!r:.80}")
            for key, value in (tags or {}).items()
        }
        return self._store.create_experiment(name, artifact_location, texts)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, deleted or not. Raises NotFound."""
        return self._store.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The active experiment of this name, else a deleted one, else None."""
        return self._store.get_experiment(name=name)

    def search_experiments(
        self,
        view_type: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Experiments that match, the one changed last first."""
        return self._store.search_experiments(
            _view(view_type), max_results, filter_string or "", _clauses(order_by), page_token
        )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name."""
        self._store.update_experiment(str(experiment_id), name=check_name(new_name, "Experiment name"))

    def delete_experiment(self, experiment_id: str) -> None:
        """Put an experiment and its runs into the bin; its name is free again."""
        self._store.update_experiment(str(experiment_id), stage=LifecycleStage.DELETED)

    def restore_experiment(self, experiment_id: str) -> None:
        """Take an experiment, with the runs that went along with it, out of the bin."""
        self._store.update_experiment(str(experiment_id), stage=LifecycleStage.ACTIVE)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag on an experiment."""
        text = check_text(str(value), f"Tag {key!r:.80}")
        self._store.update_experiment(str(experiment_id), tags={check_name(key, "Tag key"): text})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment. Raises NotFound where it has none such."""
        self._store.update_experiment(str(experiment_id), tags={key: None})

    # -- runs ----------------------------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run with status RUNNING. Its name is generated where none is given.

        Raises NotFound for an unknown experiment and InvalidParameter for a deleted one.
        """
        texts = {str(key): str(value) for key, value in (tags or {}).items()}
        if run_name and texts.get(RUN_NAME, run_name) != run_name:
            raise InvalidParameter(
                f"The run has two names: run_name={run_name!r:.80} and the tag {RUN_NAME}={texts[RUN_NAME]!r:.80}. "
                "Pass only one of them."
            )
        name = check_name(run_name or texts.get(RUN_NAME) or new_run_name(), "Run name")
        texts[RUN_NAME] = name
        info = self._store.create_run(
            str(experiment_id),
            name,
            user_id=texts.get(USER, ""),
            start_time=now() if start_time is None else whole_timestamp(start_time),
            tags=texts,
        )
        return Run(info, RunData(tags=texts))

    def get_run(self, run_id: str) -> Run:
        """A run with its params, tags and last metrics. Raises NotFound."""
        return self._store.get_runs([run_id], strict=True)[0]

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run that this one is nested in, if any."""
        parent = self.get_run(run_id).data.tags.get(PARENT)
        return self.get_run(parent) if parent else None

    def search_runs(
        self,
        experiment_ids: Sequence[str] | str | None = None,
        filter_string: str = "",
        run_view_type: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Runs of these experiments (None: of all) that match the filter; its grammar is the guide's page `query`.

        Newest first unless `order_by` says otherwise. Raises QueryError, with the position, for a wrong filter.
        """
        if isinstance(experiment_ids, (str, int)):
            experiment_ids = [str(experiment_ids)]
        ids = None if experiment_ids is None else [str(experiment_id) for experiment_id in experiment_ids]
        return self._store.search_runs(
            ids, filter_string or "", _view(run_view_type), max_results, _clauses(order_by), page_token
        )

    def _search_columns(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        run_view_type: ViewType,
        max_results: int,
        order_by: Sequence[str] | None,
    ) -> dict[str, Any]:
        """What search_runs finds, as the columns of a table (see `nbtrack.frame`)."""
        view = _view(run_view_type)
        return self._store.search_columns(experiment_ids, filter_string or "", view, max_results, _clauses(order_by))

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's status or name."""
        recorder = self._store.recorder(run_id)
        if name:
            recorder.tags({RUN_NAME: check_name(name, "Run name")})
        if status:
            recorder.status(status)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run: FINISHED, or FAILED or KILLED where `status` says so."""
        self._store.recorder(run_id).status(status or RunStatus.FINISHED, end_time)
        self._store.run_ended()

    def resume_run(self, run_id: str) -> Run:
        """Set an ended run to RUNNING again, written by this process from now on."""
        self._store.recorder(run_id, resume=True)
        return self.get_run(run_id)

    def delete_run(self, run_id: str) -> None:
        """Put a run and the runs nested in it into the bin."""
        self._store.update_runs([run_id], stage=LifecycleStage.DELETED)

    def restore_run(self, run_id: str) -> None:
        """Take a run and the runs nested in it out of the bin."""
        self._store.update_runs([run_id], stage=LifecycleStage.ACTIVE)

    def move_runs(self, runs: Runs, experiment_id: str) -> int:
        """Give runs, along with the runs nested in them, to another experiment; how many changed.

        `runs` are ids, Run objects, a DataFrame of search_runs, or a filter on the runs of all experiments. Artifacts
        stay where they are, and the runs know it. Raises NotFound, and InvalidParameter for a deleted run or
        experiment; then none is moved.
        """
        return len(self._store.update_runs(self._ids(runs, "move_runs"), experiment_id=str(experiment_id)))

    def tag_runs(self, runs: Runs, tags: Mapping[str, Any]) -> int:
        """Set tags on many runs at once; on how many. `runs` are those of move_runs."""
        run_ids = self._ids(runs, "tag_runs")
        if run_ids:
            self._store.append(b"".join(tag_lines(run_id, tags) for run_id in run_ids), runs=run_ids)
        return len(run_ids)

    def _ids(self, runs: Runs, what: str, experiment_ids: Sequence[str] | None = None) -> list[str]:
        """The ids, each once, of runs that `what` is given; a filter looks into these experiments (None: all)."""
        return self._store.find_runs(experiment_ids, runs) if is_filter(runs) else run_ids_of(runs, what)

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Drop every point of the run's metrics whose step is above `step`; how many of which metric.

        The metrics then count on from there, as if nothing had come after it. The machine's own (`system/…`) stay, and
        so do params, tags and artifacts, which have no steps. Whoever else logs to the run at the same time, in
        another process, counts on from where it was.
        """
        return self._store.rewind_run(run_id, whole_number(step, "step"))

    # -- logging -------------------------------------------------------------------------------------------------

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        """Log one point; `timestamp` in epoch milliseconds. Without a step the metric's steps count themselves.

        `synchronous`, `model_id` and what names a dataset are taken for MLflow's sake and change nothing.
        """
        self._store.recorder(run_id).metric(key, value, step, timestamp)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param and return its value."""
        self._store.recorder(run_id).param(key, value)
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set a tag."""
        self._store.recorder(run_id).tags({key: value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag. Raises NotFound where the run has none such."""
        # Where it cannot be seen whether the tag is there, a loop must go on.
        with suppress(StoreError), self._store.snapshot() as seen:
            if seen.is_complete and key not in self.get_run(run_id).data.tags:
                raise NotFound(f"Run {run_id!r:.80} has no tag {key!r:.80}.")
        self._store.recorder(run_id).untag(key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log many metrics, params and tags at once, any number: where one of them is wrong, none is logged."""
        self._store.recorder(run_id).batch(
            [(metric.key, metric.value, metric.step, metric.timestamp) for metric in metrics],
            {param.key: param.value for param in params},
            {tag.key: tag.value for tag in tags},
        )

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Any = None) -> None:
        """Log datasets that the run was given. The same one in the same context counts once."""
        if models:
            raise NotSupported(
                "log_inputs() takes only datasets. This version of nbtrack does not support models as inputs."
            )
        self._store.recorder(run_id).inputs(datasets or ())

    def log_series(self, run_id: str, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric, all or none; see `nbtrack.log_series`."""
        self._store.recorder(run_id).series(key, steps, values, timestamps)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point of a metric, in the order of time and step. Raises NotFound for an unknown run."""
        return self._store.get_metric_history(run_id, key)

    # -- artifacts -----------------------------------------------------------------------------------------------

    def _artifacts(self, run_id: str) -> RunArtifacts:
        """The run's artifacts; what is written to them is told to the journal."""
        uri = self._store.artifact_uri(run_id)
        folder = self.capability("artifacts")
        repository = open_repository(
            uri,
            lambda path, size: self._store.append(artifact_line(run_id, storable(path), size)),
            folder.blobs_for(uri),
        )
        return RunArtifacts(repository, folder.artifact_detour, run_id)

    def log_artifact(self, run_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file or a folder to the run, below `artifact_path`."""
        artifact_writers.log_artifact(self._artifacts(run_id), local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what is in a folder to the run, below `artifact_path`."""
        artifact_writers.log_artifacts(self._artifacts(run_id), local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write a text as an artifact."""
        artifact_writers.log_text(self._artifacts(run_id), text, artifact_file)

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str) -> None:
        """Write a dict or a list as JSON, or as YAML where the file's name ends so."""
        artifact_writers.log_dict(self._artifacts(run_id), dictionary, artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Write a matplotlib or plotly figure."""
        artifact_writers.log_figure(self._artifacts(run_id), figure, artifact_file, save_kwargs=save_kwargs)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Write a PIL image or a NumPy array, to a file or as the image of a key at a step."""
        artifact_writers.log_image(self._artifacts(run_id), image, artifact_file, key, step, timestamp)

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Write a dict or a DataFrame as a JSON table; rows are added where the table is there already."""
        self._artifacts(run_id).attempt(lambda folder: artifact_writers.log_table(folder, data, artifact_file))

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies directly below `path` (the run's artifact folder by default)."""
        return self._artifacts(run_id).list(path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """A local path with the artifact: the file itself, or a copy below `dst_path`."""
        return str(self._artifacts(run_id).fetch_to(path or "", dst_path))


def _view(view_type: ViewType | int) -> ViewType:
    try:
        return ViewType(view_type)
    except ValueError:
        raise InvalidParameter(
            f"The view type must be ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL, not {view_type!r:.80}."
        ) from None


def _clauses(order_by: Sequence[str] | str | None) -> Sequence[str]:
    return [order_by] if isinstance(order_by, str) else order_by or ()

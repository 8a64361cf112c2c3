"""The methods of the client for experiments, runs, logged data and artifacts."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from ..artifact_store import writers as artifact_writers
from ..artifact_store.base import check_artifact_path
from ..artifact_store.detour import RunArtifacts
from ..artifact_store.local import absolute_location
from ..artifact_store.opening import open_repository
from ..capture import user
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
    StopRequest,
    ViewType,
)
from ..errors import Conflict, InvalidParameter, InvalidState, NotFound, NotSupported, StoreError
from ..journal import now
from ..journal.events import untag
from ..journal.recorder import artifact_line, tag_lines, whole_number, whole_timestamp
from ..names import UNKNOWN_USER, check_dict, check_list, check_name, check_string, check_text, new_run_name, storable
from ..store.protocol import Store
from ..tags import NOTE, PARENT, RUN_NAME, USER
from .run_ids import is_filter, run_ids_of

if TYPE_CHECKING:
    import pandas

Runs: TypeAlias = Any
"""A run ID, a filter, a run, several IDs or runs, or a table returned by search_runs."""


class TrackingMixin:
    """Operations on experiments and runs by their IDs, with MLflow's names and arguments."""

    _store: Store

    if TYPE_CHECKING:

        def capability(self, name: str) -> Any: ...  # noqa: D102

    # -- experiments ---------------------------------------------------------------------------------------------

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Create an experiment and return its ID.

        Args:
            name: Name of the experiment, at most 500 characters. It must differ from the names of all active
                experiments; the name of a deleted one can be used again.
            artifact_location: Path or URI below which the runs keep their artifacts. A relative path is made absolute.
                Defaults to a folder of the store.
            tags: Tags of the experiment. Values are converted to strings.

        Returns:
            The ID of the new experiment.

        Raises:
            AlreadyExists: If an active experiment has this name.
            InvalidParameter: If the name is not a string or is empty or too long.
            NotSupported: If no installed package supports the scheme of `artifact_location`.
        """
        check_name(name, "Experiment name")
        if artifact_location is not None:
            open_repository(check_string(artifact_location, "artifact_location"))
            artifact_location = absolute_location(artifact_location) if artifact_location else None
        check_dict(tags or {}, "tags")
        checked_tags = {
            check_name(key, "Tag key"): check_text(str(value), f"Tag {key!r:.80}")
            for key, value in (tags or {}).items()
        }
        return self._store.create_experiment(name, artifact_location, checked_tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment by its ID, also if it is deleted.

        Args:
            experiment_id: ID of the experiment.

        Returns:
            The experiment.

        Raises:
            NotFound: If the experiment does not exist.
            InvalidParameter: If the ID is not an integer.
        """
        return self._store.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return an experiment by its name.

        Args:
            name: Name of the experiment. Upper and lower case matter.

        Returns:
            The active experiment with this name, or else the one that was deleted last, or None.

        Raises:
            InvalidParameter: If the name is not a string.
        """
        if not isinstance(name, str):
            raise InvalidParameter(f"Experiment name must be a string, not {type(name).__name__} ({name!r:.80}).")
        return self._store.get_experiment(name=name)

    def search_experiments(
        self,
        view_type: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return a page of the experiments that match a filter.

        Args:
            view_type: `ViewType.ACTIVE_ONLY` (the default) for experiments that are not deleted,
                `ViewType.DELETED_ONLY` for deleted ones, or `ViewType.ALL` for both.
            max_results: The most experiments on a page, at most 50,000.
            filter_string: A filter such as `name LIKE 'fraud%' AND tags.team = 'risk'`; see `nbtrack guide query`.
                Defaults to all experiments.
            order_by: Clauses such as `["name ASC"]`. By default, the experiment that was updated last comes first.
            page_token: The `token` of the previous page. Defaults to the first page.

        Returns:
            The experiments. Their `token` is None on the last page.

        Raises:
            QueryError: If the filter or `order_by` is not valid.
            InvalidParameter: If another argument is not one of the above.
        """
        return self._store.search_experiments(
            _view(view_type), max_results, filter_string or "", _clauses(order_by), page_token
        )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Rename an experiment.

        Args:
            experiment_id: ID of the experiment.
            new_name: The new name, at most 500 characters.

        Raises:
            NotFound: If the experiment does not exist.
            AlreadyExists: If another active experiment has the new name.
            InvalidState: If the experiment is deleted.
            InvalidParameter: If the new name is not a string or is empty or too long.
        """
        self._store.update_experiment(str(experiment_id), name=check_name(new_name, "Experiment name"))

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment and its runs.

        They can be restored with `restore_experiment` until `gc` removes them for good. Another experiment can be
        created with the name.

        Args:
            experiment_id: ID of the experiment.

        Raises:
            NotFound: If the experiment does not exist or is already deleted.
        """
        self._store.update_experiment(str(experiment_id), stage=LifecycleStage.DELETED)

    def restore_experiment(self, experiment_id: str) -> None:
        """Restore a deleted experiment and the runs that were deleted together with it.

        Runs that were deleted before their experiment stay deleted.

        Args:
            experiment_id: ID of the experiment.

        Raises:
            NotFound: If the experiment does not exist or is not deleted.
            AlreadyExists: If another active experiment has the name now.
        """
        self._store.update_experiment(str(experiment_id), stage=LifecycleStage.ACTIVE)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag on an experiment.

        Args:
            experiment_id: ID of the experiment.
            key: Key of the tag, at most 500 characters.
            value: Value of the tag. It is converted to a string.

        Raises:
            NotFound: If the experiment does not exist.
            InvalidParameter: If the experiment is deleted, or if the key is not a string or is empty or too long.
        """
        checked = {check_name(key, "Tag key"): check_text(str(value), f"Tag {key!r:.80}")}
        self._store.update_experiment(str(experiment_id), tags=checked)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment.

        Args:
            experiment_id: ID of the experiment.
            key: Key of the tag.

        Raises:
            NotFound: If the experiment does not exist or does not have the tag.
            InvalidParameter: If the experiment is deleted.
        """
        self._store.update_experiment(str(experiment_id), tags={check_string(key, "Tag key"): None})

    # -- runs ----------------------------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run with the status RUNNING.

        It does not become the active run, and its end must be set with `set_terminated`.

        Args:
            experiment_id: ID of the experiment.
            start_time: Milliseconds since the epoch. Defaults to now.
            tags: Tags of the run. Values are converted to strings. The tag `mlflow.user` is also the run's `user_id`,
                which is "unknown" without it.
            run_name: Name of the run, at most 500 characters. Defaults to the tag `mlflow.runName`, or else to a
                generated name such as "keen-otter-417".

        Returns:
            The new run.

        Raises:
            NotFound: If the experiment does not exist.
            InvalidParameter: If the experiment is deleted, if `run_name` and the tag `mlflow.runName` differ, or if
                another argument is not valid.
        """
        check_dict(tags or {}, "tags")
        all_tags = {str(key): str(value) for key, value in (tags or {}).items()}
        if run_name is not None:
            check_string(run_name, "Run name")
        if run_name and all_tags.get(RUN_NAME, run_name) != run_name:
            raise InvalidParameter(
                f"The run has two names: run_name={run_name!r:.80} and the tag {RUN_NAME}={all_tags[RUN_NAME]!r:.80}. "
                "Pass only one of them."
            )
        name = check_name(run_name or all_tags.get(RUN_NAME) or new_run_name(), "Run name")
        all_tags[RUN_NAME] = name
        info = self._store.create_run(
            str(experiment_id),
            name,
            user_id=all_tags.get(USER) or UNKNOWN_USER,
            start_time=now() if start_time is None else whole_timestamp(start_time, "start_time"),
            tags=all_tags,
        )
        return Run(info, RunData(tags=all_tags))

    def get_run(self, run_id: str) -> Run:
        """Return a run with its params, its tags and the last value of each metric.

        Args:
            run_id: ID of the run. It can be deleted.

        Returns:
            The run as it is now. The object does not change when data is logged later.

        Raises:
            NotFound: If the run does not exist.
        """
        return self._store.get_runs([run_id], strict=True)[0]

    def get_parent_run(self, run_id: str) -> Run | None:
        """Return the parent of a nested run.

        Args:
            run_id: ID of the nested run.

        Returns:
            The parent run, or None if the run is not nested.

        Raises:
            NotFound: If one of the two runs does not exist.
        """
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
        """Return a page of the runs that match a filter.

        Args:
            experiment_ids: The experiments to search, or one of them. None stands for all experiments.
            filter_string: A filter such as `metrics.loss < 1 AND params.model = 'cnn'`; see `nbtrack guide query`.
                Defaults to all runs.
            run_view_type: `ViewType.ACTIVE_ONLY` (the default) for runs that are not deleted, `ViewType.DELETED_ONLY`
                for deleted ones, or `ViewType.ALL` for both.
            max_results: The most runs on a page, at most 1,000,000.
            order_by: Clauses such as `["metrics.loss ASC"]`. By default, the newest run comes first.
            page_token: The `token` of the previous page. Defaults to the first page.

        Returns:
            The runs. Their `token` is None on the last page.

        Raises:
            QueryError: If the filter or `order_by` is not valid. The error has the position.
            InvalidParameter: If another argument is not one of the above.
        """
        if isinstance(experiment_ids, (str, int)):
            experiment_ids = [str(experiment_ids)]
        ids = None
        if experiment_ids is not None:
            ids = [str(experiment_id) for experiment_id in check_list(experiment_ids, "experiment_ids")]
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
        """Return what `search_runs` finds as the columns of a table (see `nbtrack.frame`)."""
        view = _view(run_view_type)
        return self._store.search_columns(experiment_ids, filter_string or "", view, max_results, _clauses(order_by))

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run, or both.

        Args:
            run_id: ID of the run.
            status: The new status: "RUNNING", "SCHEDULED", "FINISHED", "FAILED" or "KILLED". Defaults to no change.
            name: The new name, at most 500 characters. Defaults to no change.

        Raises:
            NotFound: If the run does not exist.
            InvalidParameter: If the run is deleted, or if the status or the name is not valid.
        """
        recorder = self._store.recorder(run_id)
        if name:
            recorder.tags({RUN_NAME: check_name(name, "Run name")})
        if status:
            recorder.status(status)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run.

        Args:
            run_id: ID of the run.
            status: "FINISHED" (the default), "FAILED" or "KILLED".
            end_time: Milliseconds since the epoch. Defaults to now.

        Raises:
            NotFound: If the run does not exist.
            InvalidParameter: If the run is deleted, or if the status or the time is not valid.
        """
        self._store.recorder(run_id).status(status or RunStatus.FINISHED, end_time)
        self._store.run_ended()

    def stop_run(self, run_id: str, reason: str | None = None) -> StopRequest:
        """Stop a run cleanly, also a run of another process. See `nbtrack.stop_run`.

        Args:
            run_id: ID of the run.
            reason: Why the run is stopped. Defaults to no reason.

        Returns:
            The request, with the user's name. The run has not stopped yet.

        Raises:
            NotFound: If the run does not exist.
            InvalidState: If the run has ended, or if no process that is still alive runs it.
            InvalidParameter: If `reason` is not a string.
            NotSupported: If the store is not a folder.
        """
        check_string(run_id, "run_id")
        reason = check_text(check_string(reason or "", "reason"), "reason")
        # A store that cannot be read now can still take the request.
        with suppress(StoreError):
            run = self.get_run(run_id).info
            if run.status in RunStatus.ENDED:
                raise InvalidState(f"Run {run.run_name!r} ({run_id}) has already ended as {run.status}.")
            if not self._store.stop_state(run_id).can_stop:
                raise InvalidState(
                    f"Run {run.run_name!r} ({run_id}) cannot be stopped, because no process that is still alive runs "
                    "it. End it with Client().set_terminated(run_id, 'KILLED')."
                )
        request = StopRequest(user(), reason, now())
        self._store.request_stop(run_id, request)
        return request

    def resume_run(self, run_id: str) -> Run:
        """Set a run to RUNNING again. It belongs to this process from now on: it ends as KILLED if this process dies.

        Args:
            run_id: ID of the run.

        Returns:
            The run.

        Raises:
            NotFound: If the run does not exist.
            InvalidParameter: If the run is deleted.
        """
        self._store.recorder(run_id, resume=True)
        return self.get_run(run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete a run and the runs nested in it.

        They can be restored with `restore_run` until `gc` removes them for good.

        Args:
            run_id: ID of the run.

        Raises:
            NotFound: If the run does not exist.
        """
        self._store.update_runs([run_id], stage=LifecycleStage.DELETED)

    def restore_run(self, run_id: str) -> None:
        """Restore a deleted run and the runs nested in it.

        Args:
            run_id: ID of the run.

        Raises:
            NotFound: If the run does not exist.
        """
        self._store.update_runs([run_id], stage=LifecycleStage.ACTIVE)

    def move_runs(self, runs: Runs, experiment_id: str) -> int:
        """Move runs, with the runs nested in them, to another experiment: all or none.

        Artifacts stay where they are, and the runs still find them.

        Args:
            runs: Run IDs, `Run` objects, a table returned by `nbtrack.search_runs`, or a filter string for the runs of
                all experiments.
            experiment_id: ID of the experiment to move to.

        Returns:
            How many runs changed, nested ones included.

        Raises:
            NotFound: If the experiment or a run does not exist.
            InvalidParameter: If a run or the experiment is deleted.
            QueryError: If the filter is not valid.
        """
        return len(self._store.update_runs(self._ids(runs, "move_runs"), experiment_id=str(experiment_id)))

    def tag_runs(self, runs: Runs, tags: Mapping[str, Any]) -> int:
        """Set tags on many runs at once: on all or none.

        Args:
            runs: Run IDs, `Run` objects, a table returned by `nbtrack.search_runs`, or a filter string for the runs of
                all experiments.
            tags: Values by key. They are converted to strings and replace earlier values.

        Returns:
            How many runs were tagged. Nested runs are tagged only if they are among `runs`.

        Raises:
            NotFound: If a run does not exist.
            InvalidParameter: If a run is deleted, or if a key is empty or too long.
            QueryError: If the filter is not valid.
        """
        run_ids = self._ids(runs, "tag_runs")
        if run_ids:
            self._store.append(b"".join(tag_lines(run_id, tags) for run_id in run_ids), runs=run_ids)
        return len(run_ids)

    def _ids(self, runs: Runs, what: str, experiment_ids: Sequence[str] | None = None) -> list[str]:
        """Return the IDs, each once, of the runs passed to `what`. A filter searches these experiments (None: all)."""
        return self._store.find_runs(experiment_ids, runs) if is_filter(runs) else run_ids_of(runs, what)

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Delete every point of a run's metrics whose step is above `step`.

        Steps that are logged without a number then continue from there. System metrics (`system/…`), params, tags and
        artifacts are kept. Another process that is logging to the run at the same time continues with its own steps.

        Args:
            run_id: ID of the run.
            step: The last step to keep.

        Returns:
            How many points were deleted: `points` in all, and `metrics` by key.

        Raises:
            NotFound: If the run does not exist.
            InvalidParameter: If the run is deleted, or if `step` is not an integer.
        """
        return self._store.rewind_run(check_string(run_id, "run_id"), whole_number(step, "step"))

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
        """Log one point of a metric.

        Args:
            run_id: Run to log to.
            key: Key of the metric, at most 500 characters. Slashes group metrics, as in "train/loss".
            value: A number, or an array or tensor with one element. NaN and infinite values are allowed.
            timestamp: Milliseconds since the epoch. Defaults to now.
            step: Training step, an integer of 64 bits. Defaults to the step after the metric's highest one; the first
                is 0.
            synchronous: Ignored. MLflow has this parameter.
            dataset_name: Ignored. MLflow has this parameter.
            dataset_digest: Ignored. MLflow has this parameter.
            model_id: Ignored. MLflow has this parameter.

        Raises:
            InvalidParameter: If `value` is not a number, if the key is empty or too long, if the step or the timestamp
                is not an integer, or if the run is deleted.
            NotFound: If the run does not exist.
        """
        self._store.recorder(run_id).metric(key, value, step, timestamp)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param of a run.

        A param that is logged again with another value is not an error, unlike in MLflow: the run shows the new value,
        the earlier one is kept in the view `events` of `nbtrack.sql`, and a warning says so once.

        Args:
            run_id: Run to log to.
            key: Key of the param, at most 500 characters.
            value: Value of the param. It is converted to a string of any length.
            synchronous: Ignored. MLflow has this parameter.

        Returns:
            `value`, unchanged.

        Raises:
            InvalidParameter: If the key is not a string or is empty or too long, or if the run is deleted.
            NotFound: If the run does not exist.
        """
        self._store.recorder(run_id).param(key, value)
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set a tag on a run.

        Args:
            run_id: ID of the run.
            key: Key of the tag, at most 500 characters. Setting `mlflow.runName` renames the run.
            value: Value of the tag. It is converted to a string of any length and replaces an earlier value.
            synchronous: Ignored. MLflow has this parameter.

        Raises:
            InvalidParameter: If the key is not a string or is empty or too long, or if the run is deleted.
            NotFound: If the run does not exist.
        """
        self._store.recorder(run_id).tags({check_string(key, "Tag key"): value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of a run.

        Args:
            run_id: ID of the run.
            key: Key of the tag.

        Raises:
            NotFound: If the run does not exist or does not have the tag. While the store cannot be read, a missing tag
                is not an error, so that a training loop continues.
            InvalidParameter: If the run is deleted.
        """
        check_string(key, "Tag key")
        # While the store cannot be read, whether the tag exists is unknown, and a training loop must continue.
        with suppress(StoreError), self._store.snapshot() as seen:
            if seen.is_complete and key not in self.get_run(run_id).data.tags:
                raise NotFound(f"Run {run_id!r:.80} has no tag {key!r:.80}.")
        self._store.recorder(run_id).untag(key)

    def edit_tags(
        self, run_id: str, tags: Mapping[str, Any], *, expected: Mapping[str, str | None] | None = None
    ) -> Run:
        """Set and delete tags of a run at once, if they still have the values that were expected.

        This is what a form needs that shows tags and saves what the user has changed. Another process that logs to the
        run in the same milliseconds is not noticed.

        Args:
            run_id: ID of the run.
            tags: Values by key. They are converted to strings, and None deletes the tag. Setting `mlflow.runName`
                renames the run.
            expected: The values that these tags had, by key, with None for a tag that the run did not have. Other keys
                are ignored. By default, every value may be replaced.

        Returns:
            The run after the change.

        Raises:
            Conflict: If a tag has neither the expected value nor the new one. Nothing is changed then.
            InvalidParameter: If a key is not a string or is empty or too long, if the run would get an empty name, or
                if the run is deleted.
            NotFound: If the run does not exist.

        Example:
            >>> run = MlflowClient().create_run("0", tags={"team": "vision"})
            >>> edited = MlflowClient().edit_tags(run.info.run_id, {"team": "audio"}, expected={"team": "vision"})
            >>> edited.data.tags["team"]
            'audio'
        """
        check_dict(tags, "tags")
        check_dict(expected or {}, "expected")
        new = {check_name(key, "Tag key"): None if value is None else str(value) for key, value in tags.items()}
        if RUN_NAME in new:
            check_name(new[RUN_NAME] or "", "Run name")
        with self._store.snapshot():
            run = self.get_run(run_id)
            current: dict[str, str] = {**run.data.tags, RUN_NAME: run.info.run_name}
            for key, value in (expected or {}).items():
                if key in new and current.get(key) not in (value, new[key]):
                    raise Conflict(
                        f"{_tag_title(key)} of run {run.info.run_name!r:.80} was changed in the meantime and is now "
                        f"{current.get(key, '')!r:.200}. Nothing was changed."
                    )
            changed = {key: value for key, value in new.items() if current.get(key) != value}
            lines = tag_lines(run_id, {key: value for key, value in changed.items() if value is not None})
            lines += b"".join(untag(run_id, key) for key, value in changed.items() if value is None)
            if lines:
                self._store.append(lines, runs=[run_id])
        return self.get_run(run_id)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log many metrics, params and tags of a run at once: all or none. There is no limit on their number.

        Args:
            run_id: Run to log to.
            metrics: `nbtrack.entities.Metric` objects, each one point.
            params: `nbtrack.entities.Param` objects.
            tags: `nbtrack.entities.RunTag` objects.
            synchronous: Ignored. MLflow has this parameter.

        Raises:
            InvalidParameter: If one of them is not valid, or if the run is deleted. Nothing is logged then.
            NotFound: If the run does not exist.
        """
        self._store.recorder(run_id).batch(
            _fields(metrics, "metrics", "Metric", ("key", "value", "step", "timestamp")),
            dict(_fields(params, "params", "Param", ("key", "value"))),
            dict(_fields(tags, "tags", "RunTag", ("key", "value"))),
        )

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Any = None) -> None:
        """Log datasets that a run uses. A dataset that is logged twice for the same context counts once.

        Args:
            run_id: Run to log to.
            datasets: `nbtrack.entities.DatasetInput` objects. The context of a dataset is its tag
                `mlflow.data.context`.
            models: Not supported. It must be None or empty.

        Raises:
            NotSupported: If `models` are given.
            InvalidParameter: If a dataset is not valid, or if the run is deleted.
            NotFound: If the run does not exist.
        """
        if models:
            raise NotSupported(
                "log_inputs() takes only datasets. This version of nbtrack does not support models as inputs."
            )
        found = check_list(datasets, "datasets")
        for one in found:
            if not hasattr(one, "dataset") or not hasattr(one, "tags"):
                raise InvalidParameter(
                    f"datasets must contain DatasetInput objects, not {type(one).__name__} ({one!r:.80})."
                )
        self._store.recorder(run_id).inputs(found)

    def log_series(self, run_id: str, key: str, steps: Any, values: Any, timestamps: Any = None) -> None:
        """Log many points of one metric at once: all or none.

        Args:
            run_id: Run to log to.
            key: Key of the metric, at most 500 characters.
            steps: Integers in any order, or None: the points then get the steps after the metric's highest one.
            values: Numbers. Like `steps` and `timestamps`, a list, tuple, NumPy array, tensor or Series of shape (n,).
                Missing values in a Series are NaN.
            timestamps: Milliseconds since the epoch, or datetimes of NumPy or pandas, which are in UTC if they have no
                time zone. Defaults to now for all points.

        Raises:
            InvalidParameter: If a value is not a number, if a step is not an integer, if the lengths differ, or if the
                run is deleted. Nothing is logged then.
            NotFound: If the run does not exist.
        """
        self._store.recorder(run_id).series(key, steps, values, timestamps)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric of a run, sorted by timestamp and then by step.

        Args:
            run_id: ID of the run.
            key: Key of the metric.

        Returns:
            The points, or [] if the run does not have the metric.

        Raises:
            NotFound: If the run does not exist.
        """
        return self._store.get_metric_history(run_id, key)

    # -- artifacts -----------------------------------------------------------------------------------------------

    def _artifacts(self, run_id: str) -> RunArtifacts:
        """Return the run's artifacts. Files that are written to them are recorded in the journal."""
        uri = self._store.artifact_uri(run_id)
        folder = self.capability("artifacts")
        repository = open_repository(
            uri,
            lambda path, size: self._store.append(artifact_line(run_id, storable(path), size)),
            folder.blobs_for(uri),
        )
        return RunArtifacts(repository, folder.artifact_detour, run_id)

    def log_artifact(self, run_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a local file or folder to the artifacts of a run.

        Args:
            run_id: Run to log to.
            local_path: The file or folder. A folder is copied with its name, unlike with `log_artifacts`.
            artifact_path: Folder below the run's artifacts to copy into. Defaults to the root of the artifacts.

        Raises:
            NotFound: If the file or folder does not exist, or if the run does not exist.
            InvalidParameter: If `artifact_path` is not a relative path below the artifacts.
        """
        artifact_writers.log_artifact(self._artifacts(run_id), local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy the files and folders in a local folder to the artifacts of a run.

        Args:
            run_id: Run to log to.
            local_dir: The folder. Its content is copied without the folder itself, unlike with `log_artifact`.
            artifact_path: Folder below the run's artifacts to copy into. Defaults to the root of the artifacts.

        Raises:
            NotFound: If the folder does not exist, or if the run does not exist.
            InvalidParameter: If `local_dir` is a file, or if `artifact_path` is not a relative path below the
                artifacts.
        """
        artifact_writers.log_artifacts(self._artifacts(run_id), local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Log a string as a text file, encoded as UTF-8.

        Args:
            run_id: Run to log to.
            text: The content of the file.
            artifact_file: Path below the run's artifacts, for example "notes/summary.txt". An existing file is
                replaced.

        Raises:
            InvalidParameter: If `text` is not a string, or if `artifact_file` is not a relative path below the
                artifacts.
            NotFound: If the run does not exist.
        """
        artifact_writers.log_text(self._artifacts(run_id), text, artifact_file)

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str) -> None:
        """Log a dict or a list as a JSON or YAML file.

        Args:
            run_id: Run to log to.
            dictionary: The data. NumPy arrays become lists, sets become sorted lists, and values that JSON does not
                know, such as dates, become strings.
            artifact_file: Path below the run's artifacts. The suffixes .yml and .yaml write YAML, all others JSON. An
                existing file is replaced.

        Raises:
            InvalidParameter: If `artifact_file` is not a relative path below the artifacts.
            NotFound: If the run does not exist.
        """
        artifact_writers.log_dict(self._artifacts(run_id), dictionary, artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Log a matplotlib or plotly figure.

        Args:
            run_id: Run to log to.
            figure: The figure. For matplotlib's current figure, pass `plt.gcf()`.
            artifact_file: Path below the run's artifacts. The suffix determines the format: any that matplotlib can
                write, or .html, .png, .jpeg, .webp, .svg or .pdf for plotly. HTML files contain plotly.js, so that they
                can be opened without a network. An existing file is replaced.
            save_kwargs: Further arguments for the figure's `savefig` (matplotlib), `to_html` or `to_image` (plotly).

        Raises:
            InvalidParameter: If `figure` is neither kind of figure, or if the suffix is missing or not supported.
            NotFound: If the run does not exist.
        """
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
        """Log an image as a file or as one step of an image series.

        Requires Pillow.

        Args:
            run_id: Run to log to.
            image: A PIL image, or an array of shape (H, W) or (H, W, 1) for grayscale, (H, W, 3) for RGB, or (H, W, 4)
                for RGBA. Integer arrays must hold 0-255. Float arrays must hold 0.0-1.0 and are scaled to 0-255; if
                they hold other values, their range is scaled to 0.0-1.0 with a warning. Boolean arrays become black and
                white.
            artifact_file: Path below the run's artifacts, for example "plots/confusion.png". The suffix must be one
                that Pillow can write. An existing file is replaced.
            key: Name of an image series, instead of `artifact_file`. The image becomes a PNG file in the folder
                "images". The name must not contain any of + ~ % # or a backslash.
            step: Training step of the image in its series. Defaults to 0.
            timestamp: Milliseconds since the epoch of the image in its series. Defaults to now.
            synchronous: Ignored. MLflow has this parameter.

        Raises:
            InvalidParameter: If the shape, the dtype or an integer value is not one of the above, if the array has NaN
                or infinite values, if neither or both of `artifact_file` and `key` are given, or if Pillow is not
                installed.
            NotFound: If the run does not exist.
        """
        artifact_writers.log_image(self._artifacts(run_id), image, artifact_file, key, step, timestamp)

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Log a table as a JSON or Parquet file, or append rows to a table that was logged before.

        The run's tag `mlflow.loggedArtifacts` lists the tables, as in MLflow.

        Args:
            run_id: Run to log to.
            data: A pandas DataFrame, or a dict of columns, such as `{"question": ["2 + 2"], "answer": [4]}`. Columns
                are lists or arrays of the same length. A single value is in every row. Floats keep all of their
                digits. In JSON, times become ISO 8601 strings, and NaN and infinite values null. Images of Pillow
                become files in the folder "table_images", which the cells name.
            artifact_file: Path below the run's artifacts, ending with .json or .parquet. If the file exists, the rows
                are appended to it, and columns that only one of the tables has are null in the other's rows.

        Raises:
            InvalidParameter: If `data` is not such a table, if the columns differ in length, if the path does not end
                with .json or .parquet, if a column has images and other values, if Parquet cannot store the values, or
                if the existing file is not a table.
            NotFound: If the run does not exist.
        """
        self._artifacts(run_id).attempt(lambda folder: artifact_writers.log_table(folder, data, artifact_file))
        self._store.recorder(run_id).table(str(check_artifact_path(artifact_file)))

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pandas.DataFrame:
        """Return a table that `log_table` logged, from one or more runs.

        Args:
            experiment_id: The experiment whose runs are read if `run_ids` is None.
            artifact_file: Path of the table below the artifacts of each run, ending with .json or .parquet.
            run_ids: The runs to read. A warning names those without the table. By default, all active runs of the
                experiment that have the table.
            extra_columns: Columns with what is known about the run of each row, such as "run_id", "status",
                "start_time", "params.lr", "metrics.loss" or "tags.kind". They are missing for runs that do not have
                the value. If the table has a column of this name, an underscore is added.

        Returns:
            The rows of all runs, in the order of `run_ids`, or those of the newest run first.

        Raises:
            NotFound: If no run has the table, or if a run of `run_ids` does not exist.
            InvalidParameter: If a file of this name is not a table, or if an extra column is not known.
        """
        import pandas

        runs = self._all_runs(experiment_id) if run_ids is None else map(self.get_run, check_list(run_ids, "run_ids"))
        extra = [check_string(name, "A name in extra_columns") for name in check_list(extra_columns, "extra_columns")]
        tables, without = [], []
        for run in runs:
            artifacts = self._artifacts(run.info.run_id)
            if not artifacts.exists(artifact_file):
                without.append(run.info.run_id)
                continue
            table = artifact_writers.load_table(artifacts, artifact_file)
            for name in extra:
                table[f"{name}_" if name in table else name] = _known(run, name)
            tables.append(table)
        if not tables:
            where = f"No run of experiment {experiment_id!r:.80}" if run_ids is None else "None of these runs"
            raise NotFound(f"{where} has the table {artifact_file!r:.200}.")
        if without and run_ids is not None:
            listed = ", ".join(without[:10]) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
            warnings.warn(f"These runs are left out, because they do not have the table: {listed}.", stacklevel=3)
        return pandas.concat(tables, ignore_index=True)

    def _all_runs(self, experiment_id: str) -> Iterator[Run]:
        page = self.search_runs(experiment_id)
        yield from page
        while page.token:
            page = self.search_runs(experiment_id, page_token=page.token)
            yield from page

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """List the files and folders directly in a folder of a run's artifacts.

        Args:
            run_id: ID of the run.
            path: Folder below the run's artifacts. Defaults to the root of the artifacts.

        Returns:
            The files and folders, sorted by path; [] if the folder does not exist. Their paths are relative to the
            root.

        Raises:
            NotFound: If the run does not exist.
        """
        return self._artifacts(run_id).list(path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """Return a local path of an artifact or of a folder of artifacts.

        Args:
            run_id: ID of the run.
            path: Path below the run's artifacts. The empty string stands for all of them.
            dst_path: Local folder to copy to. By default, the result must not be changed, because it can be the stored
                file itself.

        Returns:
            The local path of the file or folder.

        Raises:
            NotFound: If the run or the artifact does not exist.
        """
        return str(self._artifacts(run_id).fetch_to(path or "", dst_path))


def _tag_title(key: str) -> str:
    return {RUN_NAME: "The name", NOTE: "The note"}.get(key, f"Tag {key!r:.80}")


def _known(run: Run, name: str) -> Any:
    """Return what is known about a run by the name of its column in a table of runs."""
    kind, dot, key = name.partition(".")
    values: dict[str, Mapping[str, Any]] = {
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
    }
    if dot and kind in values:
        return values[kind].get(key)
    if name in ("start_time", "end_time"):
        import pandas

        # As in a table of runs.
        return pandas.to_datetime(getattr(run.info, name), unit="ms", utc=True)
    if not hasattr(run.info, name) or name.startswith("_"):
        raise InvalidParameter(
            f"{name!r:.80} is not a valid extra column. Use an attribute of a run such as 'run_id' or 'status', or "
            "'params.…', 'metrics.…' or 'tags.…'."
        )
    return getattr(run.info, name)


def _view(view_type: ViewType | int) -> ViewType:
    try:
        return ViewType(view_type)
    except ValueError:
        raise InvalidParameter(
            f"The view type must be ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL, not {view_type!r:.80}."
        ) from None


def _clauses(order_by: Sequence[str] | str | None) -> Sequence[str]:
    return [order_by] if isinstance(order_by, str) else order_by or ()


def _fields(entries: Iterable[Any], what: str, entity: str, fields: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the fields of entities, whether they are ours or MLflow's."""
    found = []
    for entry in check_list(entries, what):
        try:
            found.append(tuple([getattr(entry, field) for field in fields]))
        except AttributeError:
            raise InvalidParameter(
                f"{what} must contain {entity} objects, not {type(entry).__name__} ({entry!r:.80})."
            ) from None
        check_string(found[-1][0], f"Key of a {entity}")
    return found

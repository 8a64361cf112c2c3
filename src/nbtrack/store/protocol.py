"""What every store can do, in three small protocols: `Recording`, `Reading` and `Registry`.

This is all that the rest of nbtrack may know about a store. No operation takes or returns a database cursor or a place
on disk, so a store can be a local file, a database server or an HTTP API. What only some stores can do, such as
SQL by hand or backups, is a capability, which its module declares: see `opening.py`.

All operations raise NotFound for an ID or a name that does not exist and InvalidParameter for values that are not
allowed, unless they say otherwise. `user_id` is who makes a change and `reason` why; both go into the history.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload, runtime_checkable

from ..entities import (
    Experiment,
    Metric,
    ModelEvent,
    ModelGate,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Rewound,
    Run,
    RunInfo,
    ViewType,
)
from ..journal import RunRecorder
from ..query import Known, Vocabulary
from .times import as_times

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]
    """A table by column, each a NumPy array with one value per row."""

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"
"""The experiment that every store has from the start."""

Axis = Literal["step", "time", "relative"]
"""The x axis of a curve: steps, timestamps, or seconds since the start of the run."""

Versions = int | str | Sequence[int | str]
"""A version or several; [] for none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a store, which the reads inside `Reading.snapshot` share."""

    is_complete: bool = True
    """Whether the state has everything that this process has logged."""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run, without its points."""

    run_id: str
    run_name: str
    key: str
    start_time: int
    """When the run started, in milliseconds since the epoch."""
    total: int
    """How many points lie in the range that was asked for."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points of several series, sorted by series and then along the axis.

    Row i belongs to `series[place[i]]`. All arrays have the same length; `timestamp` is in epoch milliseconds.
    """

    series: list[Series]
    place: NDArray[np.int64]
    step: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    value: NDArray[np.float64]

    def table(self, axis: Axis = "step") -> Columns:
        """Return the points as columns: run_id, run_name, key, step, timestamp, value; for "relative" also seconds."""
        import numpy as np

        def of_series(values: list[Any], dtype: Any = object) -> NDArray[Any]:
            return np.array(values, dtype=dtype)[self.place]

        columns: Columns = {
            "run_id": of_series([one.run_id for one in self.series]),
            "run_name": of_series([one.run_name for one in self.series]),
            "key": of_series([one.key for one in self.series]),
            "step": self.step,
            "timestamp": as_times(self.timestamp),
            "value": self.value,
        }
        if axis == "relative":
            start = of_series([one.start_time for one in self.series], np.int64)
            columns["seconds"] = (self.timestamp - start) / 1000
        return columns


@dataclass(frozen=True, slots=True)
class Nesting:
    """Where a run stands in the tree of the runs that match.

    `ranges` are the lowest and the highest last value of each metric among the runs that are nested directly in it.
    """

    depth: int = 0
    children: int = 0
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """`runs` is the page, `nesting` is theirs; the rest is about all runs that match."""

    runs: list[Run]
    nesting: list[Nesting]
    total: int
    rows: int
    """How many have a row: those that are nested in a folded one have none."""
    nested: int
    """How many are nested in another one that matches."""
    params: list[tuple[str, bool]]
    """Each param, by key, and whether the runs differ in it. A run without it counts as different."""
    metrics: list[str]
    lowest: dict[str, str]
    """The run whose last value of a metric is the lowest, by metric; the earliest run if there are several."""
    highest: dict[str, str]
    """The run whose last value is the highest."""
    directions: dict[str, str]
    """"MINIMIZE" or "MAXIMIZE" for each metric that studies among the runs optimize, if they agree."""


@dataclass(frozen=True, slots=True)
class ModelSurvey:
    """A registered model with some of its versions and events, newest first, and the numbers of all of them."""

    name: str
    description: str
    creation_timestamp: int
    stages: dict[str, int]
    """How many versions are in each stage. A stage without versions is left out."""
    versions: list[ModelVersion]
    events: list[ModelEvent]
    event_count: int
    gates: list[ModelGate]


@runtime_checkable
class Recording(Protocol):
    """What is logged, and changes to experiments and runs."""

    def append(self, lines: bytes, *, runs: Sequence[str] = ()) -> None:
        """Write whole lines of events. With `runs`, check first that these exist and are not deleted."""
        ...

    def recorder(self, run_id: str, *, resume: bool = False) -> RunRecorder:
        """Return the recorder of a run; with `resume`, set the run to RUNNING again, written by this process.

        Raises InvalidParameter for a deleted run.
        """
        ...

    def create_run(
        self, experiment_id: str, name: str, *, user_id: str, start_time: int, tags: Mapping[str, str]
    ) -> RunInfo:
        """Create a run with status RUNNING. Raises InvalidParameter where the experiment is deleted."""
        ...

    def update_runs(
        self, run_ids: Sequence[str], *, stage: str | None = None, experiment_id: str | None = None
    ) -> list[str]:
        """Delete, restore or move runs along with the runs nested in them; return the IDs of those that changed.

        All are changed or none. Raises InvalidParameter when a deleted run is moved, or a run to a deleted experiment.
        """
        ...

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Drop a run's points with a step above `step`. Raises InvalidParameter for a deleted run."""
        ...

    def last_points(self, run_id: str) -> dict[str, tuple[float, int]]:
        """Return the value and the step of the last point of each of a run's metrics."""
        ...

    def forget_artifacts(self, run_id: str, paths: Sequence[str]) -> None:
        """Remove files from a run's list of artifacts; the files themselves are not touched."""
        ...

    def create_experiment(self, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
        """Create an experiment and return its ID. Raises AlreadyExists if an active one has the name."""
        ...

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> None:
        """Rename an experiment, delete or restore it with its runs, set tags, and delete those that are None.

        Raises AlreadyExists if another active experiment has the name, and Conflict if a tag is set by somebody else at
        the same moment.
        """
        ...

    def exclusive(self, task: str, patience: float) -> AbstractContextManager[None]:
        """Let only one thread of all processes do a task at a time.

        A caller that has waited for `patience` seconds goes ahead anyway.
        """
        ...

    def run_ended(self) -> None:
        """Note that a run of this process has ended, so that readers soon see everything that it logged."""
        ...


@runtime_checkable
class Reading(Protocol):
    """Experiments, runs and what was logged to them. A filter is one of the query language."""

    def snapshot(self, *, fresh: bool = True) -> AbstractContextManager[Snapshot]:
        """Let several reads see one state, which has everything that was logged before it.

        With `fresh=False` what was logged last may be missing, which does not matter to the registry.
        Raises StoreLocked while another program holds the store.
        """
        ...

    def revision(self) -> Hashable:
        """Return a value, cheap to get, that differs if the store may have changed; None if there is no store."""
        ...

    @overload
    def get_experiment(self, experiment_id: str) -> Experiment: ...
    @overload
    def get_experiment(self, *, name: str) -> Experiment | None: ...
    def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> Experiment | None:
        """Return an experiment, deleted or not.

        With a name it is the active one, else the one deleted last, else None.
        """
        ...

    def search_experiments(
        self, view: ViewType, max_results: int, filter_string: str, order_by: Sequence[str], page_token: str | None
    ) -> PagedList[Experiment]:
        """Return the experiments that match, the most recently changed first."""
        ...

    def get_runs(self, run_ids: Sequence[str], *, strict: bool = False) -> list[Run]:
        """Return runs in this order. Those that do not exist are left out, or NotFound if `strict` is set."""
        ...

    def find_runs(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[str]:
        """Return the IDs of all active runs that match, newest first. None stands for all experiments."""
        ...

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        view: ViewType,
        max_results: int,
        order_by: Sequence[str],
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return the runs that match, newest first unless `order_by` says otherwise."""
        ...

    def search_columns(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        view: ViewType,
        max_results: int,
        order_by: Sequence[str],
        *,
        run_ids: Sequence[str] | None = None,
    ) -> Columns:
        """Return the runs that match as a table; with `run_ids` those instead, in this order.

        Columns: run_id, experiment_id, status, artifact_uri, start_time, end_time, then `metrics.…` (last values),
        `params.…` and `tags.…`, each sorted by key.
        """
        ...

    def survey(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        grouped: bool = False,
        unfolded: Sequence[str] | None = (),
    ) -> Survey:
        """Return a page of the active runs that match, and facts about all of them.

        With `grouped`, nested runs stand under their parents if those are `unfolded` (None: all are).
        """
        ...

    def aggregate(
        self, experiment_ids: Sequence[str] | None, filter_string: str, by: Sequence[str], of: Sequence[str] | None
    ) -> Columns:
        """Return statistics of `of` over the active runs that match, one row for each combination of `by`."""
        ...

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric by time, then step. A point logged twice alike counts once."""
        ...

    def points(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str] | None,
        axis: Axis = "step",
        max_points: int | None = None,
        x_min: float | None = None,
        x_max: float | None = None,
        *,
        strict: bool = False,
    ) -> Points:
        """Return the points of these runs and keys (None: all), in the order of `run_ids`, then `keys`.

        `x_min` and `x_max` are included. A series of more than `max_points` is thinned out: of each stretch of the
        axis its lowest and its highest point stay, and the last point. With `strict` unknown runs raise NotFound.
        """
        ...

    @overload
    def artifact_uri(self, run_id: str) -> str: ...
    @overload
    def artifact_uri(self, run_id: str, *, own: Literal[True]) -> str | None: ...
    def artifact_uri(self, run_id: str, *, own: bool = False) -> str | None:
        """Return where a run, deleted or not, keeps its artifacts.

        With `own`, None for a run that this process has not created; the answer then costs nothing.
        """
        ...

    def known(self, vocabulary: Vocabulary) -> Known:
        """Return the names and values that can complete a query."""
        ...


@runtime_checkable
class Registry(Protocol):
    """Registered models. Each change is one transaction with its row in the model's history.

    A `version` is an int or its string.
    """

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Create a model without versions. Raises AlreadyExists if the name is taken."""
        ...

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a model with its tags, aliases and the newest version of each stage, oldest first."""
        ...

    def update_registered_model(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Rename a model, with its versions, tags, aliases and history, or replace its description ('' for none)."""
        ...

    def delete_registered_model(self, name: str, *, user_id: str, reason: str | None = None) -> None:
        """Delete a model with its versions; its history, the runs and the files stay."""
        ...

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the models that match, by name unless `order_by` says otherwise."""
        ...

    def survey_models(
        self,
        name: str | None,
        offset: int,
        limit: int,
        *,
        stage: str | None = None,
        versions: tuple[int, int] = (0, 0),
        events: tuple[int, int] = (0, 0),
    ) -> tuple[list[ModelSurvey], int]:
        """Return a page of models by name, with pages of their versions and events, and the number of all models.

        With `name` only this model is returned. `versions` and `events` are pairs of an offset and a limit. They count
        from the newest, and for versions in each stage, or in `stage` only.
        """
        ...

    def set_model_tag(
        self,
        name: str,
        key: str,
        value: object,
        *,
        version: int | str | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Set a tag of a model, or of one of its versions; None as the value deletes the tag if there is one."""
        ...

    def set_model_alias(
        self, name: str, alias: str, version: int | str | None, *, user_id: str, reason: str | None = None
    ) -> None:
        """Let an alias name a version; None as the version deletes the alias if there is one."""
        ...

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Create the next version of a model. `source` is the URI or the path of the model's files."""
        ...

    def copy_model_version(
        self, name: str, version: int | str, dst_name: str, *, user_id: str, reason: str | None = None
    ) -> ModelVersion:
        """Copy a version as the next version of another model, which is created if it does not exist."""
        ...

    def get_model_version(
        self, name: str, version: int | str | None = None, *, alias: str | None = None
    ) -> ModelVersion:
        """Return a version by its number or by an alias ("latest" names the newest).

        Raises InvalidParameter for an unknown alias, as MLflow does.
        """
        ...

    def update_model_version(
        self, name: str, version: int | str, description: str | None, *, user_id: str, reason: str | None = None
    ) -> ModelVersion:
        """Replace the description of a version; '' for none."""
        ...

    def delete_model_version(self, name: str, version: int | str, *, user_id: str, reason: str | None = None) -> None:
        """Delete a version. Its number is not used again, and its files are not touched."""
        ...

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return a page of the versions that match, the last changed first unless `order_by` says otherwise."""
        ...

    def versions_from(
        self, *, run_id: str | None = None, path: str | None = None, dataset: str | None = None
    ) -> list[ModelVersion]:
        """Return the versions that came from a run (or runs nested in it), or whose run was given a dataset.

        A dataset goes by its digest. With `path`, only the versions whose files are at this path of the run's
        artifacts or below it.
        """
        ...

    def move_sources(self, run_id: str, path: str, new_path: str, *, user_id: str) -> list[ModelVersion]:
        """Let the versions whose files are at `path` of a run's artifacts name `new_path`, and return them.

        The same files must be there already.
        """
        ...

    def transition_model_version_stage(
        self,
        name: str,
        version: int | str,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        expected_stage: str | None = None,
        expected_current: Versions | None = None,
        override_gates: bool = False,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Move a version to a stage, and optionally every other version from there to Archived.

        Raises Conflict if the stage is not as expected, GateClosed if the version's run does not pass the gates.
        """
        ...

    def rollback_stage(
        self,
        name: str,
        stage: str = "Production",
        *,
        expected_current: Versions | None = None,
        override_gates: bool = False,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Undo the last promotion to a stage and return the version that is back.

        Raises InvalidState if no earlier version still exists.
        """
        ...

    def set_gate(
        self,
        name: str,
        stage: str,
        filter_string: str | None,
        gate: str,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> ModelGate | None:
        """Put a gate before a stage, replacing one of this name; None as the filter removes it and returns None."""
        ...

    def get_gates(self, name: str, stage: str | None = None) -> list[ModelGate]:
        """Return the gates of a stage, or of all stages, by stage and name."""
        ...

    def model_events(self, name: str, since: int | None = None) -> list[ModelEvent]:
        """Return what happened to a model, newest first; with `since` only what came later, oldest first.

        A deleted model keeps its history. A model that later takes its name begins with an empty one.
        """
        ...


@runtime_checkable
class Store(Recording, Reading, Registry, Protocol):
    """A store as the client holds it: the three protocols and the life of the object itself."""

    def check_exists(self) -> None:
        """Raise NotFound if nothing was ever logged here, for readers that have no use for a new store."""
        ...

    def close(self) -> None:
        """Write what is left and let go of everything. The next call opens what it needs again."""
        ...

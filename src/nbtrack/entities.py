"""The entities that the API returns, with MLflow's attribute names. Times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Generic, TypeVar, cast

from .tags import DATASET_CONTEXT as DATASET_CONTEXT
from .tags import HISTORY_TAG as HISTORY_TAG
from .tags import IMPORTED as IMPORTED

T = TypeVar("T")


class RunStatus:
    """The states of a run, as strings.

    Attributes:
        RUNNING: The run has not ended.
        SCHEDULED: The run has been created but has not started, as in MLflow. nbtrack does not set it itself.
        FINISHED: The run ended without an error.
        FAILED: The run ended with an exception.
        KILLED: The run was interrupted, or its process died.
        ALL: All states.
        ENDED: FINISHED, FAILED and KILLED.
    """

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    ALL = (RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)
    ENDED = (FINISHED, FAILED, KILLED)


class LifecycleStage:
    """Whether a run or an experiment is deleted.

    Attributes:
        ACTIVE: It is not deleted. An active run need not be running.
        DELETED: It is deleted. It can be restored until `nbtrack gc` removes it for good.
    """

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(Enum):
    """Which runs or experiments a search includes.

    Attributes:
        ACTIVE_ONLY: Only those that are not deleted.
        DELETED_ONLY: Only deleted ones.
        ALL: Both.
    """

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @property
    def stages(self) -> tuple[str, ...]:
        """The lifecycle stages that this view includes."""
        return {
            ViewType.ACTIVE_ONLY: (LifecycleStage.ACTIVE,),
            ViewType.DELETED_ONLY: (LifecycleStage.DELETED,),
            ViewType.ALL: (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
        }[self]


class Entity:
    """The base class of all entities. As in MLflow, `dict(entity)` is a dict of the fields."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((one.name, getattr(self, one.name)) for one in fields(cast(Any, self)))

    def to_dictionary(self) -> dict[str, Any]:
        """Return the fields as a dict.

        Returns:
            The values by the names of the fields.
        """
        return dict(self)


@dataclass(frozen=True, slots=True)
class Experiment(Entity):
    """An experiment, which is a named group of runs.

    Attributes:
        experiment_id: The ID, a string of digits.
        name: The name, which no other active experiment has.
        artifact_location: Path or URI below which new runs keep their artifacts.
        lifecycle_stage: "active" or "deleted".
        creation_time: Milliseconds since the epoch.
        last_update_time: Milliseconds since the epoch.
        tags: Values by key.
    """

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    creation_time: int = 0
    last_update_time: int = 0
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric(Entity):
    """One point of a metric.

    Attributes:
        key: Key of the metric.
        value: The value. It can be NaN or infinite.
        timestamp: Milliseconds since the epoch.
        step: Training step.
        run_id: ID of the run, or None if the point has not been logged.
    """

    key: str
    value: float
    timestamp: int
    step: int = 0
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param(Entity):
    """A param of a run.

    Attributes:
        key: Key of the param.
        value: The value as a string.
    """

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag(Entity):
    """A tag of a run.

    Attributes:
        key: Key of the tag.
        value: The value as a string.
    """

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunInfo(Entity):
    """The properties of a run, without its logged data.

    Attributes:
        run_id: The ID, 32 hexadecimal digits. Those that nbtrack created sort by time.
        experiment_id: ID of the experiment.
        run_name: The name.
        user_id: Who started the run.
        status: One of the states of `RunStatus`.
        start_time: Milliseconds since the epoch.
        end_time: Milliseconds since the epoch, or None if the run has not ended.
        artifact_uri: URI of the run's artifacts.
        lifecycle_stage: "active" or "deleted".
    """

    run_id: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    lifecycle_stage: str = LifecycleStage.ACTIVE

    @property
    def run_uuid(self) -> str:
        """The ID, under MLflow's older name."""
        return self.run_id


@dataclass(frozen=True, slots=True)
class RunData(Entity):
    """The data that was logged to a run.

    Attributes:
        metrics: The last value of each metric, by key.
        params: Values by key, as strings.
        tags: Values by key.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset(Entity):
    """A dataset as a run stores it. The data itself is not stored.

    Attributes:
        name: The name.
        digest: A hash of the content.
        source_type: The kind of the source, such as "local".
        source: Where the data is, as a JSON string.
        schema: The columns or the array's shape and types, as a JSON string, or None.
        profile: The size of the data, as a JSON string, or None.
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class InputTag(Entity):
    """A tag of a dataset as an input of a run.

    Attributes:
        key: Key of the tag.
        value: The value as a string.
    """

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DatasetInput(Entity):
    """A dataset that a run uses.

    Attributes:
        dataset: The dataset.
        tags: Its tags in this run. The tag `mlflow.data.context` says what it is used for.
    """

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)

    @property
    def context(self) -> str | None:
        """What the dataset is used for, such as "training", or None."""
        return next((tag.value for tag in self.tags if tag.key == DATASET_CONTEXT), None)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the input as nested dicts.

        Returns:
            `{"dataset": {…}, "tags": {…}}`.
        """
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


@dataclass(frozen=True, slots=True)
class RunInputs(Entity):
    """The inputs of a run.

    Attributes:
        dataset_inputs: The datasets that the run uses.
    """

    dataset_inputs: list[DatasetInput] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the inputs as nested dicts.

        Returns:
            `{"dataset_inputs": […]}`.
        """
        return {"dataset_inputs": [one.to_dictionary() for one in self.dataset_inputs]}


@dataclass(frozen=True)
class Run(Entity):
    """A run as it was when it was read.

    Attributes:
        info: Its properties, such as ID, name and status.
        data: Its params, tags and the last values of its metrics.
        inputs: The datasets that it uses.
    """

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the run as nested dicts.

        Returns:
            `{"info": {…}, "data": {"metrics": {…}, "params": {…}, "tags": {…}}, "inputs": {"dataset_inputs": […]}}`.
        """
        return {name: part.to_dictionary() for name, part in self}


@dataclass(frozen=True, slots=True)
class Alert(Entity):
    """A condition that a metric of a run has met.

    Attributes:
        condition: The condition, as a filter.
        key: The key of the metric.
        step: The step of the first point that met it.
        value: The value of this point.
        time: The time of this point.
        count: How many log calls have met it.
        last_step: The step of the last point that met it.
        last_value: The value of this point.
        last_time: The time of this point.
    """

    condition: str
    key: str
    step: int
    value: float
    time: int
    count: int
    last_step: int
    last_value: float
    last_time: int


@dataclass(frozen=True, slots=True)
class StopRequest(Entity):
    """A request to stop a run.

    Attributes:
        by: The user who asked for it. May be empty.
        reason: The reason. May be empty.
        time: When it was asked for.
    """

    by: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class Rewound(Entity):
    """The result of rewinding a run.

    Attributes:
        run_id: ID of the run.
        step: The last step that was kept.
        points: How many points were deleted.
        metrics: How many points were deleted of each metric, by key.
    """

    run_id: str
    step: int
    points: int
    metrics: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileInfo(Entity):
    """A file or folder among a run's artifacts.

    Attributes:
        path: Path below the run's artifacts.
        is_dir: Whether it is a folder.
        file_size: Size in bytes, or None for a folder.
    """

    path: str
    is_dir: bool
    file_size: int | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion(Entity):
    """A version of a registered model.

    Attributes:
        name: Name of the model.
        version: The number, an integer, as MLflow's client returns it for a local store.
        creation_timestamp: Milliseconds since the epoch.
        last_updated_timestamp: Milliseconds since the epoch.
        current_stage: "None", "Staging", "Production" or "Archived".
        description: The description in Markdown, or "".
        user_id: Who created the version.
        source: URI or path of the model's files.
        run_id: ID of the run that logged the model, or "".
        run_link: URL of the run in another tracker, or "".
        status: "READY", or the status that an imported version had.
        status_message: "", or the message that an imported version had.
        tags: Values by key.
        aliases: The aliases that name this version.
    """

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str = "None"
    description: str = ""
    user_id: str = ""
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    status: str = "READY"
    status_message: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RegisteredModel(Entity):
    """A registered model.

    Attributes:
        name: The name.
        creation_timestamp: Milliseconds since the epoch.
        last_updated_timestamp: Milliseconds since the epoch.
        description: The description in Markdown, or "".
        latest_versions: The newest version of each stage, oldest first.
        tags: Values by key.
        aliases: Versions by alias.
    """

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelEvent(Entity):
    """One change in the history of a registered model.

    Attributes:
        name: Name of the model.
        version: Number of the version, or None if the change concerns the whole model.
        timestamp: Milliseconds since the epoch.
        user_id: Who made the change.
        kind: What was changed, such as "created", "version_created", "stage", "rolled_back", "alias_set" or "gate_set".
        old: The value before the change, or None.
        new: The value after the change, or None.
        reason: Why the change was made, or None.
    """

    name: str
    version: int | None
    timestamp: int
    user_id: str
    kind: str
    old: str | None = None
    new: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ModelGate(Entity):
    """A filter that the run of a version must match before the version can enter a stage.

    Attributes:
        name: Name of the model.
        stage: "Staging" or "Production".
        gate: Name of the gate.
        filter_string: The filter, in the language of `search_runs`.
        user_id: Who set the gate.
        creation_timestamp: Milliseconds since the epoch.
    """

    name: str
    stage: str
    gate: str
    filter_string: str
    user_id: str
    creation_timestamp: int


@dataclass(frozen=True, slots=True)
class StageChange(Entity):
    """A change of the newest version in a stage.

    Attributes:
        name: Name of the model.
        stage: The stage.
        version: The newest version in the stage now, or None if the stage is empty.
        previous: The version before, or None.
        events: The changes in the model's history that led to this, oldest first. Empty for the first change of a
            watch.
    """

    name: str
    stage: str
    version: ModelVersion | None
    previous: ModelVersion | None = None
    events: list[ModelEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lineage(Entity):
    """Where a model version came from. Parts that are not known are empty or None.

    Attributes:
        version: The version.
        copied_from: The version that it is a copy of, or None.
        run: The run that logged the model, or None.
        parents: The runs that this run is nested in, the nearest first.
        code: "source" (the notebook or script), "type", "commit" and "dirty" (whether files differed from the commit),
            as far as they are known.
        cell: "source", "id" and "execution_count" of the notebook cell, as far as they are known.
        datasets: The datasets that the run used.
        environment: "python" (the version), "packages" (versions, by name, of the packages that a tracked cell had
            imported) and "requirements" (the lines of the model's requirements.txt), as far as they are known.
    """

    version: ModelVersion
    copied_from: ModelVersion | None
    run: Run | None
    parents: list[Run]
    code: dict[str, str]
    cell: dict[str, str]
    datasets: list[DatasetInput]
    environment: dict[str, Any]


class PagedList(list[T], Generic[T]):
    """A list that is one page of a longer result.

    Args:
        items: The items of the page.
        token: Pass it as `page_token` to get the next page. None on the last page.

    Attributes:
        token: The token of the next page, or None on the last page.
    """

    def __init__(self, items: Iterable[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

"""What the API returns: MLflow's entities, with MLflow's attribute names. Times are epoch milliseconds."""

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
    """The states of a run."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    ALL = (RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)
    ENDED = (FINISHED, FAILED, KILLED)


class LifecycleStage:
    """Whether a run or an experiment is there or in the bin."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(Enum):
    """Which lifecycle stages a search looks at."""

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
    """An entity gives its fields as pairs, as MLflow's do: `dict(run.info)`."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((one.name, getattr(self, one.name)) for one in fields(cast(Any, self)))

    def to_dictionary(self) -> dict[str, Any]:
        """The entity as plain data."""
        return dict(self)


@dataclass(frozen=True, slots=True)
class Experiment(Entity):
    """A named group of runs; new ones keep their artifacts below `artifact_location`."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    creation_time: int = 0
    last_update_time: int = 0
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric(Entity):
    """One point of a metric's history."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param(Entity):
    """A param of a run. Values are texts."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag(Entity):
    """A tag of a run."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunInfo(Entity):
    """What a run is, apart from what was logged to it. `end_time` is None while it has not ended."""

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
        """MLflow's older name for `run_id`."""
        return self.run_id


@dataclass(frozen=True, slots=True)
class RunData(Entity):
    """Last value of each metric, params and tags, as dicts."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset(Entity):
    """What a run keeps of a dataset: `source`, `schema` and `profile` are JSON texts."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class InputTag(Entity):
    """A tag of a dataset as the input of a run."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DatasetInput(Entity):
    """A dataset that a run was given, with tags of which `mlflow.data.context` is one."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)

    @property
    def context(self) -> str | None:
        """What the dataset was for."""
        return next((tag.value for tag in self.tags if tag.key == DATASET_CONTEXT), None)

    def to_dictionary(self) -> dict[str, Any]:
        """`{"dataset": {…}, "tags": {…}}`."""
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


@dataclass(frozen=True, slots=True)
class RunInputs(Entity):
    """What a run was given."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        """`{"dataset_inputs": […]}`."""
        return {"dataset_inputs": [one.to_dictionary() for one in self.dataset_inputs]}


@dataclass(frozen=True)
class Run(Entity):
    """A run as it was when it was read."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)

    def to_dictionary(self) -> dict[str, Any]:
        """`{"info": {…}, "data": {"metrics": {…}, "params": {…}, "tags": {…}}, "inputs": {"dataset_inputs": […]}}`."""
        return {name: part.to_dictionary() for name, part in self}


@dataclass(frozen=True, slots=True)
class Rewound(Entity):
    """What a rewind dropped: how many points in all, and of each metric."""

    run_id: str
    step: int
    points: int
    metrics: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileInfo(Entity):
    """An artifact: its path below the run's artifact folder; `file_size` in bytes, None for a folder."""

    path: str
    is_dir: bool
    file_size: int | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion(Entity):
    """A version of a registered model. `version` is an int, as MLflow's client on a local store gives it."""

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
    """A name in the registry. `latest_versions`: the newest of each stage; `aliases`: version by alias."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelEvent(Entity):
    """One change in the registry: who did what to which version, when, from what to what, and why."""

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
    """What the run of a version must satisfy before the version may enter the stage."""

    name: str
    stage: str
    gate: str
    filter_string: str
    user_id: str
    creation_timestamp: int


@dataclass(frozen=True, slots=True)
class StageChange(Entity):
    """That another version is the newest in a stage: `version` in place of `previous`, None where there is none.

    `events` are the model's changes that led there, oldest first; none for the first look.
    """

    name: str
    stage: str
    version: ModelVersion | None
    previous: ModelVersion | None = None
    events: list[ModelEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lineage(Entity):
    """Where a model version came from.

    `copied_from` is the version that it is a copy of, `run` the run that logged it, and `parents` the runs that this
    one is nested in, the nearest first. `code` has `source`, `type`, `commit` and `dirty`, `cell` has `source`, `id`
    and `execution_count`; each only what is known. `environment` has `python`, `packages` (what a tracked cell had
    imported, versions by name) and `requirements` (the lines of the model's requirements.txt).
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
    """A list that knows where the next page begins; `token` is None on the last page."""

    def __init__(self, items: Iterable[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

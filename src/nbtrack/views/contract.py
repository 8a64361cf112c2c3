"""The requests that screens send and the replies they get. `js/contract.ts` is generated from this file.

A number that JSON cannot carry travels as one of the strings of `NonFinite`. Arrays travel beside the reply as
little-endian float64 buffers, in the order that the reply names them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

NonFinite: TypeAlias = Literal["NaN", "Infinity", "-Infinity"]
Number: TypeAlias = float | NonFinite
Status: TypeAlias = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Stage: TypeAlias = Literal["None", "Staging", "Production", "Archived"]
XAxis: TypeAlias = Literal["step", "time", "relative"]
"""Steps, epoch milliseconds, or seconds since the run began."""


class RunRow(TypedDict):
    run_id: str
    run_name: str
    experiment_id: str
    experiment_name: str
    status: Status
    start_time: int
    end_time: int | None
    user_id: str
    parent_run_id: str | None
    note: str
    params: dict[str, str]
    metrics: dict[str, Number]
    models: list[str]
    """Artifact paths of the models that the run logged."""


class RunsRequest(TypedDict):
    filter: str
    experiment_ids: list[str] | None
    """None means the experiments that the screen was opened on."""
    order_by: list[str]
    offset: int
    limit: int


class ParamColumn(TypedDict):
    key: str
    differs: bool


class RunsReply(TypedDict):
    rows: list[RunRow]
    total: int
    """How many runs match, beyond this page."""
    params: list[ParamColumn]
    metrics: list[str]
    system: list[str]
    """The machine's own metrics, which are no columns."""
    best: dict[str, str]
    """For each metric that has one: the run_id of the best of the matching runs."""


class CompleteRequest(TypedDict):
    text: str
    """A filter that is being written."""
    position: int
    """Characters before the cursor: code points, not the UTF-16 units that JavaScript counts."""


class Completion(TypedDict):
    text: str
    """Takes the place of what stands from `start` to `end`."""
    kind: Literal["name", "function", "value", "comparator", "keyword"]
    start: int
    end: int
    detail: str


class CompleteReply(TypedDict):
    completions: list[Completion]


class CurvesRequest(TypedDict):
    run_ids: list[str]
    keys: list[str]
    x_axis: XAxis
    x_min: float | None
    x_max: float | None
    max_points: int
    """At most about this many points a series; spikes are kept."""


class Series(TypedDict):
    run_id: str
    key: str
    points: int
    """Points sent: buffers 2i (x) and 2i + 1 (y) of the i-th series have this length."""
    total: int
    """Points in the store within the range."""


class CurvesReply(TypedDict):
    series: list[Series]


class DiffRequest(TypedDict):
    run_ids: list[str]


class DiffRow(TypedDict):
    section: Literal["param", "metric", "dataset", "tag", "info", "system"]
    """`system` are the machine's own metrics."""
    key: str
    values: list[str | None]
    """One a run, in the order of the request; None where the run has no such key."""
    differs: bool


class DiffReply(TypedDict):
    run_ids: list[str]
    run_names: list[str]
    rows: list[DiffRow]


class LiveRequest(TypedDict):
    run_id: str
    max_points: int


class Panel(TypedDict):
    title: str
    keys: list[str]


class DatasetRow(TypedDict):
    name: str
    digest: str
    context: str | None
    rows: int | None
    source: str
    """Where the data came from, for a reader; empty where only the code is known."""


class Change(TypedDict):
    kind: Literal["param", "metric"]
    key: str
    old: str | None
    new: str | None


class Attempt(TypedDict):
    number: int
    previous_run_id: str
    previous_run_name: str
    changes: list[Change]
    code_changed: bool


class Summary(TypedDict):
    key: str
    last: Number
    best: Number
    """The lowest or the highest finite value, as `lower_is_better` says; the last where none is finite."""
    best_step: float | None
    lower_is_better: bool
    """By the metric's name: a loss, an error, a duration."""
    points: int


class LiveReply(TypedDict):
    run: RunRow
    now: int
    """The kernel's clock, so that elapsed time does not depend on the browser's."""
    panels: list[Panel]
    system: list[Panel]
    """The machine's own metrics."""
    datasets: list[DatasetRow]
    series: list[Series]
    summary: list[Summary]
    """One a metric, in the order of the series; none of the machine's own."""
    error: str | None
    """The last line of the traceback of a failed run."""
    attempt: Attempt | None


class RegistryRequest(TypedDict):
    name: str | None
    """One model, or all of them."""


class VersionRow(TypedDict):
    name: str
    version: int
    stage: Stage
    creation_time: int
    user_id: str
    description: str
    source: str
    aliases: list[str]
    run_id: str
    run_name: str
    metrics: dict[str, Number]


class EventRow(TypedDict):
    timestamp: int
    user_id: str
    version: int | None
    kind: str
    old: str | None
    new: str | None
    reason: str | None


class GateRow(TypedDict):
    stage: Stage
    gate: str
    filter: str


class ModelRow(TypedDict):
    name: str
    description: str
    creation_time: int
    versions: list[VersionRow]
    """Newest first."""
    events: list[EventRow]
    """Newest first."""
    gates: list[GateRow]


class RegistryReply(TypedDict):
    models: list[ModelRow]


class RegisterRequest(TypedDict):
    run_id: str
    artifact_path: str | None
    """None where the run logged one model only."""
    name: str


class TransitionRequest(TypedDict):
    name: str
    version: int
    stage: Stage
    archive_existing_versions: bool
    reason: str
    """Kept in the history; may be empty."""
    expected_stage: Stage | None
    """Where the screen showed the version, …"""
    expected_current: list[int] | None
    """… and the versions that it showed in the target stage: nothing happens where that is no longer so."""
    override_gates: bool


class VersionReply(TypedDict):
    version: VersionRow


class LineageRequest(TypedDict):
    name: str
    version: int


class LineageReply(TypedDict):
    copied_from: str | None
    """Name and number of the version that this one is a copy of."""
    parents: list[str]
    """Names of the runs that the run is nested in, the nearest first."""
    code: dict[str, str]
    """Of `source`, `type`, `commit` and `dirty` what is known."""
    cell: str | None
    """The source of the cell."""
    datasets: list[DatasetRow]
    python: str | None
    requirements: list[str]


class ErrorReply(TypedDict):
    error_code: str
    message: str
    reason: str | None
    """For a wrong query: what is wrong, in one line."""
    position: int | None
    """For a wrong query: the character it is wrong at, from 0."""
    expected: list[str]


REQUESTS: dict[str, tuple[type, type]] = {
    "runs": (RunsRequest, RunsReply),
    "complete": (CompleteRequest, CompleteReply),
    "curves": (CurvesRequest, CurvesReply),
    "diff": (DiffRequest, DiffReply),
    "live": (LiveRequest, LiveReply),
    "registry": (RegistryRequest, RegistryReply),
    "register": (RegisterRequest, VersionReply),
    "transition": (TransitionRequest, VersionReply),
    "lineage": (LineageRequest, LineageReply),
}
"""Each request's name, with the types of its payload and of its reply."""

"""The operations of every store, in three small protocols: `Recording`, `Reading` and `Registry`.

The rest of nbtrack knows nothing else about a store. No operation takes or returns a database cursor or a place on
disk, so a store can be a local file, a database server or an HTTP API. Operations that only some stores have, such as
SQL queries or backups, are capabilities, which the store's module declares: see `opening.py`.

Every operation raises NotFound if an ID or a name does not exist, InvalidParameter if a value is not allowed,
StoreLocked if another program holds the store, and StoreNotWritable if a change cannot be written, unless its
documentation says otherwise. IDs are strings, and times are integers in milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, overload, runtime_checkable

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
    StopRequest,
    ViewType,
)
from ..journal import RunRecorder
from ..query import Known, Vocabulary
from .times import as_times

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]
    """A table: a NumPy array with one value per row for each column."""

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"
"""The name of the experiment that every store has from the start. Its ID is `DEFAULT_ID`."""

Axis = Literal["step", "time", "relative"]
"""The x axis of a curve: steps, timestamps, or seconds since the start of the run."""

GroupStatistic = Literal["n", "mean", "std", "min", "max"]
"""A statistic of the values of the runs of a group. "n" is how many of them are numbers."""

Versions = int | str | Sequence[int | str]
"""The number of a version, or of several; [] stands for none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a store, which all reads inside `Reading.snapshot` see.

    Attributes:
        is_complete: Whether the state has everything that this process has logged.
    """

    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run, without its points.

    Attributes:
        run_id: The ID of the run.
        run_name: The name of the run.
        key: The name of the metric.
        start_time: The start of the run, in milliseconds since the epoch.
        total: The number of points in the requested range, before they were thinned out.
    """

    run_id: str
    run_name: str
    key: str
    start_time: int
    total: int


@dataclass(frozen=True, slots=True)
class GridSeries(Series):
    """One metric of one run on a grid.

    Attributes:
        version: A string that changes whenever a point is added to the series or deleted from it.
        width: The width of the buckets in units of the axis, or 0 if the points are returned as they are.
        nan: The number of points in the range whose value is NaN.
        pos_inf: The number of points in the range whose value is infinity.
        neg_inf: The number of points in the range whose value is minus infinity.
        joined: If the axis is a metric, how many of the points are at a step, or in a bucket of steps, in which the run
            has a value of that metric. Otherwise None.
    """

    version: str
    width: float
    nan: int
    pos_inf: int
    neg_inf: int
    joined: int | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """Several series on a common grid, sorted by series and then along the axis.

    Row i of the arrays is about a bucket of `series[place[i]]`, or about one of its points if the series has no
    buckets. All arrays have the same length.

    Attributes:
        series: The series.
        place: The position in `series` of each row's series.
        x: The middle of each bucket, but not before the first or after the last point of its series.
        count: The number of finite values in each bucket.
        mean: Their mean. NaN if there is none. A single point has its value here, even if it is not finite.
        low: The lowest of them.
        high: The highest of them.
        unchanged: The versions of the series that were left out because they are still what the caller knows.
        odd_place: For each place at which a series with buckets has a value that is not finite, the position in
            `series`. Several values of the same kind in one bucket are one, at the first of them.
        odd_x: Where it is on the axis.
        odd_kind: 0 for NaN, 1 for infinity, -1 for minus infinity.
    """

    series: list[GridSeries]
    place: NDArray[np.int64]
    x: NDArray[np.float64]
    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    unchanged: list[str]
    odd_place: NDArray[np.int64]
    odd_x: NDArray[np.float64]
    odd_kind: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Points:
    """The points of several series, sorted by series and then along the axis.

    Row i of the arrays belongs to `series[place[i]]`. All arrays have the same length.

    Attributes:
        series: The series.
        place: The position in `series` of each point's series.
        step: The step of each point.
        timestamp: The time of each point, in milliseconds since the epoch.
        value: The value of each point.
        counts: For each series, the number of its points in any range.
    """

    series: list[Series]
    place: NDArray[np.int64]
    step: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    value: NDArray[np.float64]

    def table(self, axis: Axis = "step") -> Columns:
        """Return the points as columns.

        Args:
            axis: The axis of the curves. "relative" adds the column `seconds`, the time since the start of the run.

        Returns:
            The columns run_id, run_name, key, step, timestamp and value, with one value for each point.
        """
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

    counts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Nesting:
    """The position of a run in the tree of the runs that match.

    Attributes:
        depth: The number of ancestors that match; 0 for a run at the top level.
        children: The number of runs that are nested directly in it.
        ranges: For each metric, the lowest and the highest last value among the runs that are nested directly in it.
    """

    depth: int = 0
    children: int = 0
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """A page of the runs that match a search, and a summary of all of them.

    Attributes:
        runs: The runs of the page.
        nesting: The position of each run of the page in the tree of the matching runs.
        total: The number of runs that match.
        rows: The number of rows in the table. Runs that are nested in a folded run have no row.
        nested: The number of matching runs that are nested in another matching run.
        params: Each param, with whether its value differs between runs. A run without the param counts as different.
        metrics: The names of all metrics.
        lowest: For each metric, the ID of the run with the lowest last value; the earliest run if there are several.
        highest: For each metric, the ID of the run with the highest last value.
        bounds: For each metric with a value that is not NaN, the lowest and the highest last value.
        statistics: For each run of the page, the first, lowest and highest value of the requested metrics, the mean of
            all values, and the mean of the last 10.
        directions: "MINIMIZE" or "MAXIMIZE" for each metric that studies among the runs optimize, if they agree.
    """

    runs: list[Run]
    nesting: list[Nesting]
    total: int
    rows: int
    nested: int
    params: list[tuple[str, bool]]
    metrics: list[str]
    lowest: dict[str, str]
    highest: dict[str, str]
    directions: dict[str, str]
    bounds: dict[str, tuple[float, float]]
    statistics: list[dict[str, tuple[float, float, float, float, float]]]


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """Statistics of one value of the runs of a group. Missing values and NaN are left out.

    Attributes:
        n: The number of values.
        mean: Their mean. None if there is no value.
        std: Their standard deviation, as that of a sample (ddof=1). None if there are fewer than two values, or if one
            of them is infinite or too large.
        low: The lowest value.
        high: The highest value.
    """

    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same value of the column that runs are grouped by.

    Attributes:
        key: Identifies the group; see `query.grouping`.
        value: The value as people read it. None if the runs do not have one.
        runs: The number of runs.
        params: The requested params that are the same in all runs of the group.
        differing: For each of the others that a run of the group has, the number of its different values. A missing
            value counts as one.
        metrics: The statistics of the last values of the requested metrics that a run of the group has.
        columns: The statistics of the other requested columns.
    """

    key: str
    value: str | None
    runs: int
    params: dict[str, str] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, GroupStatistics] = field(default_factory=dict)
    columns: dict[str, GroupStatistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups of the runs that match a search, and a summary of all groups.

    Attributes:
        groups: The groups of the page.
        count: The number of groups on all pages.
        runs: The number of runs that match.
        lowest: For each requested metric, the key of the group with the lowest mean of all groups.
        highest: For each requested metric, the key of the group with the highest mean.
        measured: The metrics that are requested, or that the requested columns are about.
        directions: "MINIMIZE" or "MAXIMIZE" for each of these that studies among the runs optimize, if they agree.
        baseline: The requested baseline. None if no group has its key.
    """

    groups: list[Group]
    count: int
    runs: int
    lowest: dict[str, str]
    highest: dict[str, str]
    measured: list[str]
    directions: dict[str, str]
    baseline: Group | None


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """A name by which runs can be grouped.

    Attributes:
        entity: "params", "tags", "datasets" or "attributes".
        name: The key, or the column of the datasets, or the attribute.
        groups: The number of different values.
        runs: The number of matching runs with a value.
    """

    entity: str
    name: str
    groups: int
    runs: int


@dataclass(frozen=True, slots=True)
class Band:
    """The curve of one metric over the runs of one group, without its buckets.

    Attributes:
        group: The key of the group.
        key: The name of the metric.
        width: The width of the buckets in units of the axis. The buckets of a metric are the same in all groups.
        runs: The number of runs with a finite value in the range.
        total: The number of points of all runs in the range.
        nan: The number of these whose value is NaN.
        pos_inf: The number of these whose value is infinity.
        neg_inf: The number of these whose value is minus infinity.
    """

    group: str
    key: str
    width: float
    runs: int
    total: int
    nan: int
    pos_inf: int
    neg_inf: int


@dataclass(frozen=True, slots=True)
class Bands:
    """Curves of groups on a common grid, sorted by group, then by metric, then along the axis.

    Row i of the arrays is about a bucket of `bands[place[i]]`. Each run counts once in a bucket, with the mean of its
    finite values there, so a run that logs more often does not count more.

    Attributes:
        bands: The bands.
        place: The position in `bands` of each bucket's band.
        x: The middle of each bucket, or its position if it has only one.
        n: The number of runs with a finite value in the bucket. It falls where runs end early.
        mean: The mean over these runs.
        std: Their standard deviation, as that of a sample (ddof=1). NaN if `n` is 1.
        low: The lowest finite value of any point in the bucket.
        high: The highest one.
        odd_place: For each bucket in which a group has a value that is not finite, the position in `bands`. Several
            values of the same kind are one.
        odd_x: The middle of that bucket.
        odd_kind: 0 for NaN, 1 for infinity, -1 for minus infinity.
    """

    bands: list[Band]
    place: NDArray[np.int64]
    x: NDArray[np.float64]
    n: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    odd_place: NDArray[np.int64]
    odd_x: NDArray[np.float64]
    odd_kind: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelSurvey:
    """A registered model with some of its versions and events, newest first, and a summary of all of them.

    Attributes:
        name: The name of the model.
        description: The description of the model.
        creation_timestamp: The time at which the model was created, in milliseconds since the epoch.
        stages: The number of versions that match in each stage, without stages that have none.
        versions: The requested versions.
        events: The requested events of the history.
        event_count: The number of all events.
        gates: The gates of the model's stages.
        aliases: The version that each alias of the model refers to.
    """

    name: str
    description: str
    creation_timestamp: int
    stages: dict[str, int]
    versions: list[ModelVersion]
    events: list[ModelEvent]
    event_count: int
    gates: list[ModelGate]
    aliases: dict[str, int]


class GateCheck(NamedTuple):
    """A gate, and whether the run of a version passes it.

    Attributes:
        gate: The gate.
        mismatch: Why the version does not pass it, as a clause that follows "because". None if it passes.
        values: The values that the run has for the names in the gate, such as "metrics.loss = 0.1"; "" without a run.
    """

    gate: ModelGate
    mismatch: str | None
    values: str


@dataclass(frozen=True, slots=True)
class TransitionPreview:
    """What a transition or a rollback would do.

    Attributes:
        version: The version that would enter the stage.
        current: The numbers of the versions in the stage, in ascending order.
        leaving: The version that a rollback would move to Archived; None if there is none, and for a transition.
        gates: The gates of the stage, checked for the version. Empty if it is in the stage already.
    """

    version: ModelVersion
    current: list[int]
    leaving: int | None
    gates: list[GateCheck]


@dataclass(frozen=True, slots=True)
class StopState:
    """Whether a run can be stopped.

    Attributes:
        can_stop: Whether the run is active in a process that would notice a request.
        request: The request for the active run, or None.
    """

    can_stop: bool
    request: StopRequest | None


@runtime_checkable
class Recording(Protocol):
    """Logging, and changes of runs and experiments."""

    def append(self, lines: bytes, *, runs: Sequence[str] = ()) -> None:
        """Write events.

        Args:
            lines: Complete lines of events, as `journal.events` encodes them.
            runs: IDs of runs that must exist and must not be deleted. This is checked before anything is written.

        Raises:
            InvalidParameter: If one of `runs` is deleted.
        """
        ...

    def recorder(self, run_id: str, *, resume: bool = False) -> RunRecorder:
        """Return the recorder of a run, with which data is logged to it.

        Args:
            run_id: The ID of the run.
            resume: Set the run to RUNNING again, written by this process.

        Raises:
            InvalidParameter: If the run is deleted.
        """
        ...

    def create_run(
        self, experiment_id: str, name: str, *, user_id: str, start_time: int, tags: Mapping[str, str]
    ) -> RunInfo:
        """Create a run with the status RUNNING, written by this process.

        Args:
            experiment_id: The experiment of the run.
            name: The name of the run.
            user_id: The user who starts the run.
            start_time: The start of the run, in milliseconds since the epoch.
            tags: The tags to set.

        Raises:
            InvalidParameter: If the experiment is deleted, or if a tag is not valid.
        """
        ...

    def update_runs(
        self, run_ids: Sequence[str], *, stage: str | None = None, experiment_id: str | None = None
    ) -> list[str]:
        """Delete, restore or move runs, together with all runs that are nested in them. Artifacts stay in place.

        Either all runs are changed or none.

        Args:
            run_ids: The runs to change.
            stage: "deleted" deletes the runs, "active" restores them. None leaves them as they are.
            experiment_id: The experiment to move the runs to. None leaves them where they are.

        Returns:
            The IDs of the runs that were changed, nested runs included.

        Raises:
            InvalidParameter: If a deleted run is moved, or if a run is moved to a deleted experiment.
        """
        ...

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Delete a run's points with a step above `step`. System metrics are kept, because their steps count samples.

        Args:
            run_id: The ID of the run.
            step: The last step to keep.

        Returns:
            How many points of each metric were deleted.

        Raises:
            InvalidParameter: If the run is deleted.
        """
        ...

    def last_points(self, run_id: str) -> dict[str, tuple[float, int]]:
        """Return the last point of each metric of a run.

        Args:
            run_id: The ID of the run.

        Returns:
            The value and the step of the last point, by metric. An unknown run has none.
        """
        ...

    def request_stop(self, run_id: str, request: StopRequest) -> None:
        """Ask the process that runs a run to stop it.

        The process passes the request to the run's recorder within a second, and to those of the runs that it runs and
        that are nested in it. The request is forgotten when the run ends.

        Args:
            run_id: The ID of the run.
            request: Who asks, and why.

        Raises:
            NotSupported: If this kind of store cannot do it.
            StoreNotWritable: If the request cannot be written.
        """
        ...

    def forget_artifacts(self, run_id: str, paths: Sequence[str]) -> None:
        """Remove files from a run's list of artifacts. The files themselves are not touched.

        Args:
            run_id: The ID of the run.
            paths: Paths below the run's artifacts. Unknown paths are ignored.
        """
        ...

    def create_experiment(self, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
        """Create an experiment.

        Args:
            name: The name of the experiment.
            artifact_location: The URI or path below which its runs keep their artifacts. None stands for the store's
                own.
            tags: The tags to set.

        Returns:
            The ID of the experiment.

        Raises:
            AlreadyExists: If an active experiment has the name.
        """
        ...

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> None:
        """Rename an experiment, delete or restore it together with its runs, or change its tags.

        Args:
            experiment_id: The ID of the experiment.
            name: The new name. None keeps the name.
            stage: "deleted" deletes the experiment, "active" restores it. Runs that were deleted before their
                experiment stay deleted when it is restored. None leaves the stage as it is.
            tags: The tags to set. A tag whose value is None is deleted.

        Raises:
            NotFound: If the experiment does not exist or is already in `stage`, or if a tag to delete does not exist.
            InvalidState: If a deleted experiment is renamed.
            InvalidParameter: If the tags of a deleted experiment are changed.
            AlreadyExists: If another active experiment has the name.
            Conflict: If another session sets the same tag at the same time.
        """
        ...

    def exclusive(self, task: str, patience: float) -> AbstractContextManager[None]:
        """Let only one thread of all processes run a task at a time.

        Args:
            task: The name of the task.
            patience: Seconds to wait for another thread. After that, the caller runs the task anyway.
        """
        ...

    def set_setting(self, kind: str, name: str, value: str | None) -> None:
        """Set or replace a setting that every user of the store shares.

        Args:
            kind: What the setting is about, such as "metric_mode".
            name: The name of the setting, which is unique within its kind.
            value: The value. None deletes the setting, if it exists.

        Raises:
            Conflict: If another session sets the same setting at the same time.
        """
        ...

    def run_ended(self) -> None:
        """Note that a run of this process has ended, so that readers soon see everything that it logged."""
        ...


@runtime_checkable
class Reading(Protocol):
    """Reads of experiments, runs and the data logged to them. Filters are written in the query language."""

    def snapshot(self, *, fresh: bool = True) -> AbstractContextManager[Snapshot]:
        """Let several reads see one state, which has everything that was logged before it.

        Args:
            fresh: Apply pending events first. Without it, the data logged last may be missing, which does not matter
                for the registry.
        """
        ...

    def revision(self, *, pending: bool = False) -> Hashable:
        """Return a value that differs if the store may have changed. It is cheap to get.

        Args:
            pending: Whether it also differs if events have been logged that the next read will apply.

        Returns:
            The value, which can only be compared for equality; None if the store does not exist.
        """
        ...

    @overload
    def get_experiment(self, experiment_id: str) -> Experiment: ...
    @overload
    def get_experiment(self, *, name: str) -> Experiment | None: ...
    def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> Experiment | None:
        """Return an experiment, deleted or not, by its ID or by its name.

        Args:
            experiment_id: The ID of the experiment.
            name: The name of the experiment, instead of its ID.

        Returns:
            The experiment. With `name`, the active experiment of this name, else the one that was deleted last, else
            None.

        Raises:
            NotFound: If no experiment has the ID.
            InvalidParameter: If the ID is not an integer.
        """
        ...

    def search_experiments(
        self, view: ViewType, max_results: int, filter_string: str, order_by: Sequence[str], page_token: str | None
    ) -> PagedList[Experiment]:
        """Return a page of the experiments that match.

        Args:
            view: Whether to return active experiments, deleted ones or both.
            max_results: The largest number of experiments on the page, between 1 and 50,000.
            filter_string: A filter. An empty string matches all experiments.
            order_by: Order clauses. The default is the most recently changed experiment first.
            page_token: The token of the previous page, or None for the first page.

        Raises:
            QueryError: If the filter or an order clause is not valid.
        """
        ...

    def get_runs(
        self,
        run_ids: Sequence[str],
        *,
        strict: bool = False,
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[Run]:
        """Return runs, deleted or not, by their IDs.

        Args:
            run_ids: The IDs of the runs.
            strict: Raise NotFound if a run does not exist. Without it, such runs are left out.
            params: The params to return with the runs, because a run can have very many. None returns all.
            metrics: The metrics to return with the runs. None returns all.

        Returns:
            The runs, in the order of `run_ids`.
        """
        ...

    def find_runs(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[str]:
        """Return the IDs of all active runs that match, newest first.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.

        Raises:
            QueryError: If the filter is not valid.
        """
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
        """Return a page of the runs that match.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            view: Whether to return active runs, deleted ones or both.
            max_results: The largest number of runs on the page, between 1 and 1,000,000.
            order_by: Order clauses. The default is the newest run first.
            page_token: The token of the previous page, or None for the first page.

        Raises:
            QueryError: If the filter or an order clause is not valid.
        """
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
        """Return runs as a table.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            view: Whether to return active runs, deleted ones or both.
            max_results: The largest number of runs, between 1 and 1,000,000.
            order_by: Order clauses. The default is the newest run first.
            run_ids: Return these runs, in this order, and ignore all other arguments. Runs that do not exist are left
                out.

        Returns:
            MLflow's columns: run_id, experiment_id, status, artifact_uri, start_time and end_time, then `metrics.…`
            (the last values), `params.…` and `tags.…`, each sorted by key.

        Raises:
            QueryError: If the filter or an order clause is not valid.
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
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        statistics: Sequence[str] = (),
        group: tuple[str, str] | None = None,
        summary: bool = True,
    ) -> Survey:
        """Return a page of the active runs that match, with a summary of all of them.

        Only the values of the requested params and metrics are read, because a run can have very many.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            order_by: Order clauses. The default is the newest run first.
            offset: The number of rows before the page.
            limit: The largest number of runs on the page, between 1 and 1,000,000.
            grouped: Show nested runs below their parents, and only if these are unfolded. Without it, all runs that
                match are rows of their own.
            unfolded: The IDs of the runs whose nested runs are shown. None stands for all runs.
            params: The params to summarize and to return with the runs. None summarizes all and returns none.
            metrics: The metrics to summarize and to return with the runs. None summarizes all and returns none.
            statistics: The metrics whose first, lowest, highest and mean values are returned. Their points are read.
            group: The name that runs are grouped by and the key of a group. Only the runs of this group match.
            summary: Whether params and metrics are summarized. Without it, all that the result says about them is
                empty, except for the values of the runs. Their numbers are counted anyway.

        Raises:
            QueryError: If the filter or an order clause is not valid.
        """
        ...

    def aggregate(
        self, experiment_ids: Sequence[str] | None, filter_string: str, by: Sequence[str], of: Sequence[str] | None
    ) -> Columns:
        """Return statistics over the active runs that match, with one row for each combination of the values of `by`.

        Values that are missing, NaN or not a number are left out of the statistics. A missing value of `by` is its own
        group, which comes last; NaN is its own group, too, which comes before it.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            by: Names of the query language to group by. Without any, there is one row for all runs.
            of: Names of the query language whose values are summarized. None stands for all metrics but system metrics.

        Returns:
            A column for each name in `by`, the column `runs` with the number of runs, and for each name in `of` the
            columns n, mean, std (of a sample), min and max, such as `metrics.loss.mean`.

        Raises:
            QueryError: If the filter or a name is not valid.
        """
        ...

    def groups(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        *,
        statistic: GroupStatistic = "mean",
        metrics: Sequence[str] | None = (),
        columns: Sequence[str] = (),
        params: Sequence[str] | None = (),
        baseline: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> Groups:
        """Return a page of the groups of the active runs that match, with statistics over every run of a group.

        Equal numbers are one group, even if they are written differently. Runs without a value are a group of their
        own. Runs with several datasets are in the group of exactly these datasets.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            by: A name of the query language to group by: a param, a tag, `datasets.name`, `datasets.digest`, `parent`,
                or an attribute that runs can share.
            order_by: Order clauses. Groups are ordered by `statistic` of the values of their runs, by their own value
                if a clause names `by`, or by the number of their runs if it is `runs`. The default is the order of
                their own values.
            offset: The number of groups before the page.
            limit: The largest number of groups on the page, between 1 and 1,000,000.
            statistic: What orders groups.
            metrics: The metrics whose last values are summarized. None stands for all that the returned groups have.
            columns: Other names whose values are summarized, such as `min(metrics.loss)` or `duration`.
            params: The params to return for groups in which they are the same. None stands for all.
            baseline: The key of a group to return too.
            keys: The keys of the groups to return instead of a page, in this order. Those that do not exist are left
                out, and the best groups are the best of these.

        Raises:
            QueryError: If the filter, an order clause or a name is not valid.
            InvalidParameter: If runs cannot be grouped by `by`, or if `baseline` or one of `keys` is not a key.
        """
        ...

    def group_columns(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[GroupColumn]:
        """Return the names by which the active runs that match can be grouped, if a run has a value.

        Tags that nbtrack and MLflow set are left out.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.

        Returns:
            The names, sorted by entity and name.

        Raises:
            QueryError: If the filter is not valid.
        """
        ...

    def bands(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        groups: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        max_points: int = 1000,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> Bands:
        """Return the curves of metrics over every run of some groups: mean, spread and number of runs by bucket.

        Args:
            experiment_ids: The experiments to search. None stands for all experiments.
            filter_string: A filter. An empty string matches all runs.
            by: The name to group by, as for `groups`.
            groups: The keys of the groups. Those that do not exist are left out.
            keys: The names of the metrics.
            axis: The axis of the curves.
            max_points: About the largest number of buckets. If the runs share their steps, each step is a bucket.
            x_min: The lowest position on the axis: a step, milliseconds since the epoch or seconds, as `axis` says.
            x_max: The highest position on the axis, which is included.

        Raises:
            QueryError: If the filter or `by` is not valid.
            InvalidParameter: If runs cannot be grouped by `by`, or if one of `groups` is not a key.
        """
        ...

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric, sorted by time, then step. Points that are equal are returned once.

        Args:
            run_id: The ID of the run.
            key: The name of the metric. If the run does not have it, the list is empty.
        """
        ...

    def stop_state(self, run_id: str) -> StopState:
        """Return whether a run can be stopped, and whether somebody has asked for it.

        Args:
            run_id: The ID of the run. An unknown run cannot be stopped.
        """
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
        """Return the points of metrics of several runs.

        Args:
            run_ids: The runs. Those that do not exist are left out.
            keys: The names of the metrics. None stands for all metrics.
            axis: The axis of the curves, along which points are sorted, limited and thinned out.
            max_points: Thin out series with more points than this: the axis is divided into about `max_points / 2`
                intervals of equal width, and the lowest point, the highest point and one NaN of each interval are kept,
                and the last point. None returns all points.
            x_min: The lowest position on the axis: a step, milliseconds since the epoch or seconds, as `axis` says.
            x_max: The highest position on the axis, which is included.
            strict: Raise NotFound if a run does not exist.

        Returns:
            The points, in the order of `run_ids`, then `keys`, then the axis.
        """
        ...

    def grid(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        max_points: int = 1000,
        x_min: float | None = None,
        x_max: float | None = None,
        *,
        known: Sequence[str] = (),
        x_metric: str | None = None,
    ) -> Grid:
        """Return the points of metrics of several runs, summarized in buckets that all of them share.

        A series with at most `max_points` points is returned as it is. The buckets of the others have a width that is a
        power of two (of steps or milliseconds), begin at multiples of it, and depend on no other series: wide buckets
        are unions of narrow ones.

        Args:
            run_ids: The runs. Those that do not exist are left out.
            keys: The names of the metrics.
            axis: The axis of the curves.
            max_points: The largest number of points or buckets of a series.
            x_min: The lowest position on the axis: a step, milliseconds since the epoch or seconds, as `axis` says.
                With `x_max` the range is enlarged to whole buckets.
            x_max: The highest position on the axis, which is included.
            known: Versions of series that the caller has. A series that still has one of them is left out.
            x_metric: A metric that is the axis instead of `axis`. The points of each run are joined to its values at
                the same step or, if there are more than `max_points`, to their mean in the same bucket of steps. Points
                are sorted by it, and `x_min` and `x_max` are values of it. Runs without finite values of it are left
                out.

        Returns:
            The series, in the order of `run_ids` and then `keys`.
        """
        ...

    @overload
    def artifact_uri(self, run_id: str) -> str: ...
    @overload
    def artifact_uri(self, run_id: str, *, own: Literal[True]) -> str | None: ...
    def artifact_uri(self, run_id: str, *, own: bool = False) -> str | None:
        """Return where a run, deleted or not, keeps its artifacts.

        Args:
            run_id: The ID of the run.
            own: Return None for a run that this process has not created. The answer then needs no query.
        """
        ...

    def get_settings(self, kind: str) -> dict[str, str]:
        """Return the values of all settings of a kind by their names, sorted by name.

        Args:
            kind: What the settings are about, such as "metric_mode".
        """
        ...

    def known(
        self, vocabulary: Vocabulary, max_results: int = 60, experiment_ids: Sequence[str] | None = None
    ) -> Known:
        """Return the names and values that can complete a query.

        Args:
            vocabulary: The vocabulary of the query, such as `nbtrack.query.RUNS`.
            max_results: The largest number of names or values in one answer.
            experiment_ids: The experiments whose runs are searched. None stands for all experiments.
        """
        ...


@runtime_checkable
class Registry(Protocol):
    """Registered models. Each change is one transaction, together with its event in the model's history.

    Every change takes the user who makes it as `user_id` and optionally a `reason`. Both are stored in the history. The
    number of a version is an integer or its string.
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
        """Create a model without versions.

        Args:
            name: The name of the model.
            tags: The tags to set.
            description: The description.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            AlreadyExists: If the name is in use.
        """
        ...

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a model with its tags, its aliases and the newest version in each stage.

        Args:
            name: The name of the model.
        """
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
        """Rename a model, or replace its description. Its versions, tags, aliases and history keep belonging to it.

        Args:
            name: The name of the model.
            new_name: The new name. None keeps the name.
            description: The new description. An empty string removes it, and None keeps it.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            AlreadyExists: If the new name is in use.
        """
        ...

    def delete_registered_model(self, name: str, *, user_id: str, reason: str | None = None) -> None:
        """Delete a model with its versions. Its history, the runs and the files are kept.

        Args:
            name: The name of the model.
            user_id: The user who makes the change.
            reason: The reason for the change.
        """
        ...

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the models that match.

        Args:
            filter_string: A filter. None matches all models.
            max_results: The largest number of models on the page, between 1 and 1,000.
            order_by: Order clauses. The default is the order of the names.
            page_token: The token of the previous page, or None for the first page.

        Raises:
            QueryError: If the filter or an order clause is not valid.
        """
        ...

    def survey_models(
        self,
        name: str | None,
        offset: int,
        limit: int,
        *,
        search: str = "",
        stage: str | None = None,
        filter_string: str = "",
        versions: tuple[int, int] = (0, 0),
        events: tuple[int, int] = (0, 0),
    ) -> tuple[list[ModelSurvey], int]:
        """Return a page of models, sorted by name, with pages of their versions and events.

        Args:
            name: The name of the only model to return. None stands for all models.
            offset: The number of models before the page.
            limit: The largest number of models on the page, between 1 and 1,000.
            search: Return only models whose name contains this string, ignoring case. The default is all models.
            stage: Return only versions in this stage. None stands for all stages.
            filter_string: Return, and count, only versions that match this filter. The default is all versions.
            versions: An offset and a limit, which are applied to the versions in each stage, newest first.
            events: An offset and a limit, which are applied to the events of each model, newest first.

        Returns:
            The models of the page, and the number of models on all pages.

        Raises:
            QueryError: If the filter is not valid.
        """
        ...

    def set_model_tag(
        self,
        name: str,
        key: str,
        value: object,
        *,
        version: int | str | None = None,
        expected_value: str | Sequence[str] | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Set or delete a tag of a model or of one of its versions.

        Args:
            name: The name of the model.
            key: The key of the tag.
            value: The value, which is stored as a string. None deletes the tag if it exists.
            version: The version whose tag is changed. None stands for the model itself.
            expected_value: The value that the caller has seen, [] for none. None does not check it.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            Conflict: If the tag has another value than expected.
        """
        ...

    def set_model_alias(
        self,
        name: str,
        alias: str,
        version: int | str | None,
        *,
        expected_version: Versions | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Assign an alias to a version, or delete it.

        Args:
            name: The name of the model.
            alias: The alias, which is case-sensitive.
            version: The version that the alias refers to from now on. None deletes the alias if it exists.
            expected_version: The version that the caller has seen with this alias, [] for none. None does not check it.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            Conflict: If the alias refers to another version than expected.
        """
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
        expected_versions: Versions | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Create the next version of a model, in the stage None.

        Args:
            name: The name of the model.
            source: The URI or the path of the model's files.
            run_id: The run that the model came from.
            tags: The tags to set.
            run_link: A link to the run, if it is in another tracking server.
            description: The description.
            expected_versions: The version or versions of the model that have this source as far as the caller has seen,
                [] for none. None does not check them. Raises Conflict if there are others.
            user_id: The user who makes the change.
            reason: The reason for the change.
        """
        ...

    def copy_model_version(
        self, name: str, version: int | str, dst_name: str, *, user_id: str, reason: str | None = None
    ) -> ModelVersion:
        """Copy a version as the next version of another model, which is created if it does not exist.

        The copy starts in the stage None. It has the tags, the description and the run of the original, and its source
        is the original. If the original is deleted, the source of the copy is set to the original's source.

        Args:
            name: The name of the model.
            version: The version to copy.
            dst_name: The name of the model that gets the copy.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            Conflict: If another session creates the model `dst_name` at the same time.
        """
        ...

    def get_model_version(
        self, name: str, version: int | str | None = None, *, alias: str | None = None
    ) -> ModelVersion:
        """Return a version, by its number or by an alias.

        Args:
            name: The name of the model.
            version: The number of the version.
            alias: An alias, instead of the number. "latest" stands for the newest version.

        Raises:
            InvalidParameter: If the model does not have the alias, as in MLflow.
        """
        ...

    def update_model_version(
        self, name: str, version: int | str, description: str | None, *, user_id: str, reason: str | None = None
    ) -> ModelVersion:
        """Replace the description of a version.

        Args:
            name: The name of the model.
            version: The number of the version.
            description: The new description. An empty string removes it.
            user_id: The user who makes the change.
            reason: The reason for the change.
        """
        ...

    def delete_model_version(
        self,
        name: str,
        version: int | str,
        *,
        expected_stage: str | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Delete a version with its tags and aliases. Its number is not used again, and its files are not touched.

        Args:
            name: The name of the model.
            version: The number of the version.
            expected_stage: The stage in which the caller has seen the version. None does not check it.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            Conflict: If the version is in another stage than expected.
        """
        ...

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return a page of the versions that match.

        Args:
            filter_string: A filter. None matches all versions.
            max_results: The largest number of versions on the page, between 1 and 200,000.
            order_by: Order clauses. The default is the most recently changed version first.
            page_token: The token of the previous page, or None for the first page.

        Raises:
            QueryError: If the filter or an order clause is not valid.
        """
        ...

    def versions_from(
        self, *, run_id: str | None = None, path: str | None = None, dataset: str | None = None
    ) -> list[ModelVersion]:
        """Return the versions that came from a run, from files of a run, or from a dataset.

        Args:
            run_id: The run. Versions that came from runs nested in it, and copies of all these versions, are included.
            path: A path below the run's artifacts. Only versions whose files are at this path or below it are returned.
            dataset: The digest of a dataset, instead of a run. Versions whose run had it as an input are returned.

        Returns:
            The versions, sorted by the name of the model and the number.
        """
        ...

    def move_sources(self, run_id: str, path: str, new_path: str, *, user_id: str) -> list[ModelVersion]:
        """Update the sources of versions whose files were moved within a run's artifacts.

        Args:
            run_id: The ID of the run.
            path: The path that the files had. Versions with files at this path or below it are changed.
            new_path: The path that the files have now.
            user_id: The user who makes the change.

        Returns:
            The versions that were changed.
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
        """Move a version to a stage.

        Args:
            name: The name of the model.
            version: The number of the version.
            stage: The target stage.
            archive_existing_versions: Move every other version in the target stage to Archived, in the same
                transaction. Only for Staging and Production.
            expected_stage: The stage in which the caller has seen the version. None does not check it.
            expected_current: The version or versions that the caller has seen in the target stage, [] for none. None
                does not check it.
            override_gates: Move the version even if its run does not match the gates of the stage. Requires a reason.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Raises:
            Conflict: If the version or the target stage is not as expected.
            GateClosed: If the version's run does not match a gate of the target stage.
        """
        ...

    def rollback_stage(
        self,
        name: str,
        stage: str = "Production",
        *,
        expected_current: Versions | None = None,
        expected_restored: int | str | None = None,
        override_gates: bool = False,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Undo the last promotion to a stage: its version moves to Archived, and the version before it returns.

        Versions whose promotion was rolled back do not return by a later rollback, and deleted versions are skipped.

        Args:
            name: The name of the model.
            stage: Staging or Production.
            expected_current: The version or versions that the caller has seen in the stage, [] for none. None does not
                check it.
            expected_restored: The version that the caller expects to return. None does not check it.
            override_gates: Roll back even if the run of the returning version does not match the gates. Requires a
                reason.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Returns:
            The version that returned to the stage.

        Raises:
            InvalidState: If no earlier version of the stage still exists.
            Conflict: If the stage is not as expected.
            GateClosed: If the run of the returning version does not match a gate.
        """
        ...

    def preview_transition(self, name: str, version: int | str | None, stage: str) -> TransitionPreview:
        """Return what a transition or a rollback would do, without doing it.

        Args:
            name: The name of the model.
            version: The version that would move to the stage. None stands for a rollback of the stage.
            stage: The stage. For a rollback, Staging or Production.

        Raises:
            InvalidState: If no earlier version of the stage still exists, for a rollback.
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
        """Set a gate of a stage, or delete it. Versions that are already in the stage stay there.

        Args:
            name: The name of the model.
            stage: Staging or Production.
            filter_string: The filter that a version's run must match before the version can enter the stage. None
                deletes the gate.
            gate: The name of the gate. An existing gate of this name is replaced.
            user_id: The user who makes the change.
            reason: The reason for the change.

        Returns:
            The gate; None if it was deleted.

        Raises:
            NotFound: If the gate to delete does not exist.
            QueryError: If the filter is not valid.
        """
        ...

    def get_gates(self, name: str, stage: str | None = None) -> list[ModelGate]:
        """Return the gates of a stage, sorted by stage and name.

        Args:
            name: The name of the model.
            stage: The stage. None stands for all stages.
        """
        ...

    def model_events(self, name: str | None, since: int | None = None) -> list[ModelEvent]:
        """Return the history of a model, or of all models.

        A deleted model keeps its history. A model that later gets the same name starts with an empty one.

        Args:
            name: The name of the model. None stands for all models that ever existed.
            since: A time in milliseconds since the epoch. Only later events are returned, oldest first. None returns
                all events, newest first.

        Raises:
            NotFound: If the model never existed, or if it was renamed. Then the message has the new name.
        """
        ...


@runtime_checkable
class Store(Recording, Reading, Registry, Protocol):
    """A store: the three protocols, and the lifetime of the object itself."""

    def check_exists(self) -> None:
        """Raise NotFound if the store does not exist, for operations that must not create one."""
        ...

    def close(self) -> None:
        """Write pending events and release all resources. The next call opens what it needs again."""
        ...

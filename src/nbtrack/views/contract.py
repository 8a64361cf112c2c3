"""The requests that screens send and the replies that they get. `js/contract.ts` is generated from this file.

A number that JSON cannot carry travels as one of the strings of `NonFinite`. Arrays travel beside the reply as
little-endian float64 buffers, in the order in which the reply names them.

Every list that can grow is cut to a page. A request has an `offset` and a `limit`, which default to 0 and to the
largest limit, and the reply says how many there are in all. `validation.py` checks requests against these types.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from .validation import AtMost, Between

MOST_RUNS = 1_000
MOST_ROWS = 1_000
MOST_COLUMNS = 500
MOST_SERIES = 500
MOST_CURVES = 10_000
"""The largest number of runs times keys in one request."""
MOST_POINTS = 5_000
MOST_MODELS = 100
MOST_VERSIONS = 500
MOST_EVENTS = 200
MOST_DIFFERENCES = 20
"""The largest number of entries of a part of a model, such as its inputs, that only one version has."""
MOST_COMPLETIONS = 60
MOST_FILTERS = 20
MOST_DATASETS = 200
MOST_CHANGES = 200
MOST_PARAMS = 200
MOST_TAGS = 1_000
MOST_SORTS = 100
MOST_NAMES = 20_000
MOST_GROUPS = 1_000
MOST_GROUP_CURVES = 50
"""The largest number of groups whose curves one request asks for."""
MOST_GROUP_METRICS = 20
MOST_GROUP_COLUMNS = 100
MOST_UNFOLDED = 10_000
MOST_SELECTED = 100_000
MOST_SELECTED_GROUPS = 10_000
MOST_COLUMN_VIEWS = 20_000
MOST_PANELS = 100
MOST_VIEWS = 1_000
MOST_FILES = 500
MOST_STEPS = 1_000
MOST_LINES = 200
"""The largest number of changed lines of a cell, and of lines of a model's signature."""
MOST_PREVIEW_ROWS = 100
MOST_PREVIEW_COLUMNS = 100
MOST_PREVIEW_BYTES = 262_144
"""How much of a file of text is shown."""
MOST_WHOLE_BYTES = 6_000_000
"""The largest file that is sent as a whole: an image, a page of HTML, or a file that is downloaded."""

NonFinite: TypeAlias = Literal["NaN", "Infinity", "-Infinity"]
Number: TypeAlias = float | NonFinite
Status: TypeAlias = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Stage: TypeAlias = Literal["None", "Staging", "Production", "Archived"]
GroupStatistic: TypeAlias = Literal["mean", "std", "min", "max", "n"]
"""A statistic over the runs of a group. `n` is the number of runs whose value is a number."""
XAxis: TypeAlias = Literal["step", "time", "relative"]
"""Steps, milliseconds since the epoch, or seconds since the start of the run."""
Band: TypeAlias = Literal["none", "range", "std", "sem"]
"""What is drawn around a curve: nothing, the lowest to the highest value, or the mean of a group plus and minus its
standard deviation or its standard error. A run has a band from its lowest to its highest value, or none."""
PanelKind: TypeAlias = Literal["curves", "bars"]
"""Curves of the points of metrics, or a bar for one value of each run or group."""
BarStatistic: TypeAlias = Literal["last", "best", "first", "mean"]
"""Which value of a run its bar shows. The best one is the lowest or the highest, as the metric's direction says."""
Offset: TypeAlias = Annotated[int, Between(0, 1_000_000_000)]
"""How many items come before the page."""
RunIds: TypeAlias = Annotated[list[str], AtMost(MOST_RUNS)]
MaxPoints: TypeAlias = Annotated[int, Between(1, MOST_POINTS)]
"""About how many points of a series are sent. Spikes are kept."""
VersionNumber: TypeAlias = Annotated[int, Between(1, 2_147_483_647)]


class ColumnView(TypedDict):
    column: str
    """The column as an order_by clause names it, without its direction: `metrics.loss`, `min(metrics.loss)`."""
    width: Annotated[int | None, Between(40, 2_000)]
    """In px. None stands for the width that fits its values."""
    hidden: bool | None
    """None hides a param that is the same in every run."""
    pinned: bool
    """Whether it stays in sight while the other columns scroll."""
    before: str | None
    """The column that the user moved it in front of. None leaves it in its place."""


class PanelView(TypedDict):
    metrics: Annotated[list[str], AtMost(1_000)]
    kind: PanelKind
    statistic: BarStatistic
    x_axis: XAxis
    smoothing: Annotated[float, Between(0, 1)]
    """The weight of the moving average. 0 draws the values as they were logged."""
    log: bool
    """Whether the y axis is logarithmic, or the lengths of bars."""
    x_min: float | None
    """The left end of the zoom. None shows all points."""
    x_max: float | None
    log_x: bool
    """Whether the x axis is logarithmic."""
    x_metric: str | None
    """The metric that is on the x axis instead of `x_axis`. Its values are joined to those of the others by step."""
    band: Band
    all_values: bool
    """Whether the y axis has room for values far outside of the others too."""
    difference: bool
    """Whether the curves are drawn as differences from that of the baseline, if there is one."""
    members: bool
    """Whether the curve of every run of a group is drawn behind the mean of the group."""
    width: Annotated[int | None, Between(1, 12)]
    """In twelfths of the grid of charts. None is half of it, or all of it for a chart that is alone."""
    height: Annotated[int | None, Between(120, 2_000)]
    """Of the plot, in px."""


class RunStyle(TypedDict):
    value: str
    """A run ID, or a value of the column `style_by`."""
    slot: Annotated[int, Between(0, 31)]
    """The color, plus 8 for each of the dashes after the solid line."""


class ViewState(TypedDict):
    """What a comparison shows, as plain data. It is a trait of the widget and a part of saved notebooks."""

    version: int
    query: str
    """The filter."""
    sorts: Annotated[list[str], AtMost(MOST_SORTS)]
    """Clauses of order_by, the most important first."""
    grouped: bool
    """Whether nested runs stand under their parents."""
    unfolded: Annotated[list[str], AtMost(MOST_UNFOLDED)]
    """The runs whose nested runs are shown."""
    selected: Annotated[list[str], AtMost(MOST_SELECTED)]
    """The IDs of the selected runs, in the order of their selection."""
    columns: Annotated[list[ColumnView], AtMost(MOST_COLUMN_VIEWS)]
    """The columns that are not as they are by default, in the order in which they were changed."""
    all_params: bool
    """Whether params that are the same in every run have a column too."""
    panels: Annotated[list[PanelView], AtMost(MOST_PANELS)]
    """The charts, in their order. None at all stands for one chart of the first metric."""
    shared_x: bool
    """Whether charts with the same x axis share their zoom and their cursor."""
    group_by: str | None
    """The column whose equal values put runs into one group, such as `params.optimizer`."""
    baseline: str | None
    """The ID of the run that the others are compared with."""
    baseline_group: str | None
    """The key of the group that the others are compared with, of those of `group_by`. If it is set, `baseline` is None,
    and the other way around."""
    selected_groups: Annotated[list[str], AtMost(MOST_SELECTED_GROUPS)]
    """The keys of the selected groups, in the order of their selection."""
    unfolded_groups: Annotated[list[str], AtMost(MOST_UNFOLDED)]
    """The keys of the groups whose runs are shown."""
    group_statistic: GroupStatistic
    """What the rows of groups show first, and what sorting by a metric orders them by."""
    style_by: str | None
    """The column whose value gives runs their color and dash, such as `params.optimizer`. None gives each selected run
    its own. Earlier versions kept the name of a param."""
    styles: Annotated[list[RunStyle], AtMost(MOST_RUNS)]
    """Colors and dashes that the user chose."""


class SavedViewsRequest(TypedDict):
    name: str | None
    """The view whose state is returned. None returns only the names."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_VIEWS)]]


class SavedViewsReply(TypedDict):
    names: list[str]
    """A page of the names of all saved views, sorted."""
    count: int
    """Number of saved views."""
    view: ViewState | None


class SaveViewRequest(TypedDict):
    name: str
    view: ViewState
    replace: bool
    """Whether a view of the same name may be replaced."""


class DeleteViewRequest(TypedDict):
    name: str


class PythonRequest(TypedDict):
    view: ViewState
    experiment_ids: list[str] | None


class PythonReply(TypedDict):
    code: str


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


class Statistics(TypedDict):
    """A metric of a run over all of its points."""

    first: Number
    low: Number
    high: Number
    mean: Number
    tail: Number
    """The mean of the last 10 values."""


class TableRow(RunRow):
    depth: int
    """How many of the runs above it in the table it is nested in. 0 if rows are not grouped."""
    children: int
    """How many of the matching runs are nested directly in it. 0 if rows are not grouped."""
    nested_best: dict[str, Number]
    """The best last value of each metric among these."""
    statistics: NotRequired[dict[str, Statistics]]
    """Of the metrics whose statistics were asked for."""


class BaselineRow(RunRow):
    statistics: NotRequired[dict[str, Statistics]]
    """Of the metrics whose statistics were asked for."""


class RunsRequest(TypedDict):
    filter: str
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    """None stands for the experiments that the screen was opened on."""
    order_by: Annotated[list[str], AtMost(MOST_SORTS)]
    grouped: bool
    """Whether nested runs stand under their parents, if those match too. A folded parent hides them."""
    unfolded: Annotated[list[str] | None, AtMost(MOST_UNFOLDED)]
    """The runs whose nested runs are shown. None stands for all."""
    offset: Offset
    limit: Annotated[int, Between(1, MOST_ROWS)]
    column_offset: NotRequired[Offset]
    """How many params, how many metrics and how many system metrics come before the page of columns."""
    column_limit: NotRequired[Annotated[int, Between(1, MOST_COLUMNS)]]
    """The largest number of params, of metrics and of system metrics."""
    params: NotRequired[Annotated[list[str], AtMost(MOST_COLUMNS)]]
    """The params to return, instead of a page of columns. The reply counts no columns then."""
    metrics: NotRequired[Annotated[list[str], AtMost(MOST_COLUMNS)]]
    """The metrics to return, instead of a page of columns."""
    statistics: NotRequired[Annotated[list[str], AtMost(MOST_COLUMNS)]]
    """The metrics whose first, lowest, highest and mean values are returned too."""
    baseline: NotRequired[str | None]
    """The ID of a run that is returned too, with the same columns."""
    group: NotRequired[GroupKey | None]
    """Only the runs of this group are returned, and `count`, `total`, `nested`, `differs`, `best` and `best_values` are
    about them. A page of columns is still that of all runs that match."""
    baseline_group: NotRequired[GroupKey | None]
    """A group that is returned too, with the same columns."""
    summary: NotRequired[bool]
    """False if an earlier reply to this filter has summarized these params and metrics. The reply's `params`, `best`,
    `best_values` and `lower_is_better` are empty then."""


class GroupKey(TypedDict):
    by: str
    """The column whose equal values put runs into one group, such as `params.optimizer`, as in `ViewState`."""
    key: str
    """The key of the group, as `GroupRow` has it."""


class ParamColumn(TypedDict):
    key: str
    differs: bool


class RunsReply(TypedDict):
    rows: list[TableRow]
    """With the params and metrics of this page of columns."""
    count: int
    """Number of rows on all pages."""
    total: int
    """Number of runs that match. If some are folded away, there are more of them than rows."""
    nested: int
    """How many of these are nested in another one of them."""
    params: list[ParamColumn]
    """If there are several pages, the params of the query come first, then those that differ."""
    metrics: list[str]
    """If there are several pages, the metrics of the query come first, then those of held-out data."""
    system: list[str]
    """System metrics, which are not columns."""
    param_count: NotRequired[int]
    """Number of params on all pages of columns. Notebooks saved by earlier versions lack this and the next counts."""
    differing_count: NotRequired[int]
    """How many of these differ between runs."""
    metric_count: NotRequired[int]
    """Number of metrics on all pages of columns."""
    system_count: NotRequired[int]
    """Number of system metrics on all pages of columns."""
    best: dict[str, str]
    """The ID of the best matching run by metric of this page. A metric without a finite value is left out."""
    lower_is_better: list[str]
    """The metrics of this page for which lower is better, by their names or because a study minimizes them."""
    best_values: NotRequired[dict[str, Number]]
    """The best last value by metric of this page, if not all runs have the same. Several runs may have it."""
    baseline: NotRequired[BaselineRow | None]
    """The run that was asked for as the baseline. None if it does not exist."""
    baseline_group: NotRequired[GroupRow | None]
    """The group that was asked for as the baseline, over all runs that match. None if it does not exist."""
    hints: NotRequired[list[Hint]]
    """If no run matches, the keys of the filter that no run has."""


class Hint(TypedDict):
    key: str
    """A key that the filter names and no run has."""
    near: list[str]
    """Keys that may have been meant, as a filter names them."""


class GroupStatistics(TypedDict):
    """Statistics over every run of a group. Missing values and NaN are left out, as in `nbtrack.aggregate`."""

    n: int
    """Number of runs whose value is a number."""
    mean: Number | None
    """None if no run has a number."""
    std: Number | None
    """The standard deviation of a sample (ddof=1). None if fewer than two runs have a number, or if one is infinite."""
    min: Number | None
    max: Number | None


class GroupRow(TypedDict):
    key: str
    """Identifies the group among those of the same column, for as long as the store exists: `n:0.1` is the group of a
    number, `s:adam` and `h:…` that of a string, and `none` that of the runs without a value. At most 202 characters."""
    value: str | None
    """The value as people read it: the names of datasets and of a parent run, for example. None if the runs do not have
    one."""
    runs: int
    """Number of runs in the group."""
    params: dict[str, str]
    """The params that are the same in all runs of the group."""
    differing: dict[str, int]
    """Number of different values of the other params that a run of the group has. A missing value counts as one."""
    metrics: dict[str, GroupStatistics]
    """Statistics of the last values. A metric that no run of the group has is left out."""
    columns: dict[str, GroupStatistics]
    """Statistics of the other columns that were asked for."""


class GroupsRequest(TypedDict):
    filter: str
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    """None stands for the experiments that the screen was opened on."""
    by: str
    """The column to group by: a param, a tag, `datasets.name`, `datasets.digest`, `attributes.parent`, or another
    attribute that runs can share. Runs with several datasets are in the group of exactly these datasets."""
    order_by: Annotated[list[str], AtMost(MOST_SORTS)]
    """The clauses that the table is sorted by. Groups are sorted by `statistic` of the values of their runs, by their
    own value if a clause names `by`, or by the number of their runs if it names `runs`. Without a clause, they are in
    the order of their own values. A group without a value comes last."""
    statistic: GroupStatistic
    offset: Offset
    """How many groups come before the page."""
    limit: Annotated[int, Between(1, MOST_GROUPS)]
    params: Annotated[list[str], AtMost(MOST_COLUMNS)]
    """The params to return."""
    metrics: Annotated[list[str], AtMost(MOST_COLUMNS)]
    """The metrics whose last values are summarized."""
    columns: NotRequired[Annotated[list[str], AtMost(MOST_GROUP_COLUMNS)]]
    """Other columns whose values are summarized, such as `min(metrics.loss)` or `attributes.duration`."""
    baseline: NotRequired[str | None]
    """The ID of a run that is returned too, with these params and metrics."""
    statistics: NotRequired[Annotated[list[str], AtMost(MOST_COLUMNS)]]
    """The metrics whose first, lowest, highest and mean values of this run are returned too."""
    baseline_group: NotRequired[str | None]
    """The key of a group that is returned too."""
    keys: NotRequired[Annotated[list[str] | None, AtMost(MOST_GROUPS)]]
    """The keys of the groups to return instead of a page, in this order. The reply's `best` is about these only."""


class GroupsReply(TypedDict):
    groups: list[GroupRow]
    count: int
    """Number of groups on all pages."""
    total: int
    """Number of runs that match."""
    best: dict[str, str]
    """The key of the group with the best mean, of all groups, by metric. The metrics are those of the request."""
    lower_is_better: list[str]
    """Those of the metrics, also of the columns, for which lower is better."""
    baseline: NotRequired[BaselineRow | None]
    """The run that was asked for as the baseline. None if it does not exist."""
    baseline_group: NotRequired[GroupRow | None]
    """The group that was asked for as the baseline. None if it does not exist."""


class GroupCurvesRequest(TypedDict):
    filter: str
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    by: str
    groups: Annotated[list[str], AtMost(MOST_GROUP_CURVES)]
    """The keys of the groups."""
    metrics: Annotated[list[str], AtMost(MOST_GROUP_METRICS)]
    x_axis: XAxis
    x_min: float | None
    x_max: float | None
    max_points: MaxPoints


class GroupSeries(TypedDict):
    group: str
    """The key of the group."""
    metric: str
    runs: int
    """Number of runs with a finite value in the range."""
    points: int
    """Number of buckets, the length of the six buffers of the series."""
    total: int
    """Number of points of all runs in the range."""
    width: float
    """The width of the buckets in units of the axis. The buckets of a metric are the same in all groups. 1 (of steps)
    or the shortest time if each position is a bucket of its own."""
    nan: int
    """Number of points in the range that are NaN. They and the infinite ones are in no mean."""
    pos_inf: int
    neg_inf: int
    odd: NotRequired[int]
    """The buffer with the places of these on the x axis. The next buffer has 0 for NaN, 1 for infinity and -1 for minus
    infinity. Several of the same kind in one bucket are one. Not there if there are none."""


class GroupCurvesReply(TypedDict):
    series: list[GroupSeries]
    """One for each group and metric that has points in the range, by group and then by metric as requested. Buffers 6i
    to 6i + 5 of the i-th series are x, mean, std, n, min and max of its buckets. In a bucket each run counts once, with
    the mean of its finite values, and n is the number of these runs: it falls where runs end early. std is that of a
    sample, NaN if n is 1. min and max are the lowest and the highest finite value of any of their points."""
    x_axis: XAxis
    """The settings that the series belong to, as requested."""
    x_min: float | None
    x_max: float | None
    max_points: int


class GroupColumnsRequest(TypedDict):
    filter: str
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    search: NotRequired[str]
    """A part of the names of the columns to return, in any case."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_COLUMNS)]]


class GroupColumn(TypedDict):
    column: str
    """The column as `GroupsRequest.by` names it."""
    kind: Literal["param", "tag", "dataset", "attribute"]
    name: str
    """The name of the param or the tag, or what people call the dataset or attribute."""
    groups: int
    """Number of groups, without that of the runs that do not have a value."""
    runs: int
    """Number of matching runs with a value."""


class GroupColumnsReply(TypedDict):
    columns: list[GroupColumn]
    """A page of the columns by which the runs that match can be grouped, the most useful first: those with few groups
    of several runs each, params before tags. Tags that nbtrack and MLflow set are left out."""
    count: int
    """Number of columns on all pages."""


class ColumnsRequest(TypedDict):
    filter: str
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    """None stands for the experiments that the screen was opened on."""
    order_by: Annotated[list[str], AtMost(MOST_SORTS)]
    offset: NotRequired[Offset]
    """How many params, and how many metrics, come before the page."""
    limit: NotRequired[Annotated[int, Between(1, MOST_NAMES)]]


class ColumnsReply(TypedDict):
    params: list[ParamColumn]
    """A page of the params of the runs that match, in the order of the pages of `RunsReply`."""
    metrics: list[str]
    param_count: int
    """Number of params on all pages."""
    metric_count: int
    lower_is_better: list[str]
    """The metrics of this page for which lower is better."""
    guessed: list[str]
    """The metrics of this page of which this is only a guess from their names."""


class CompleteRequest(TypedDict):
    text: str
    """A filter that is being written."""
    position: Annotated[int, Between(0, 1_000_000_000)]
    """Number of characters before the cursor: code points, not the UTF-16 units that JavaScript counts."""
    experiment_ids: NotRequired[Annotated[list[str] | None, AtMost(10_000)]]
    """Whose keys and values are offered. None stands for the experiments that the screen was opened on."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_COMPLETIONS)]]


class Completion(TypedDict):
    text: str
    """Replaces the text from `start` to `end`."""
    kind: Literal["name", "function", "value", "comparator", "keyword"]
    start: int
    end: int
    detail: str


class CompleteReply(TypedDict):
    completions: list[Completion]
    """A page of the completions, the likeliest first."""
    count: int
    """Number of completions on all pages, at most 1,000."""


class ValuesRequest(TypedDict):
    run_ids: RunIds
    column: str
    """A param, a tag, `datasets.name`, `datasets.digest`, or the attribute status, user_id, run_name, experiment or
    parent."""


class ValuesReply(TypedDict):
    values: list[str | None]
    """The value of each run, in the order of `run_ids`. None if the run does not have one, or does not exist."""


class MatchesRequest(TypedDict):
    filter: str
    """A filter that is being written."""
    experiment_ids: Annotated[list[str] | None, AtMost(10_000)]
    """None stands for the experiments that the screen was opened on."""


class MatchesReply(TypedDict):
    total: int
    """Number of runs that match."""


class FiltersRequest(TypedDict):
    limit: NotRequired[Annotated[int, Between(1, MOST_FILTERS)]]


class KeepFilterRequest(TypedDict):
    filter: str


class FiltersReply(TypedDict):
    filters: list[str]
    """The filters that the user applied last in this store, the newest first."""


class CurvesRequest(TypedDict):
    run_ids: RunIds
    keys: Annotated[list[str], AtMost(1_000)]
    """There is a series for each run and key that has points, and at most 10,000 of them."""
    x_axis: XAxis
    x_min: float | None
    x_max: float | None
    max_points: MaxPoints
    known: NotRequired[Annotated[list[str], AtMost(MOST_CURVES)]]
    """Versions of series that the screen has. A series that still has one of them is not sent again."""
    x_metric: NotRequired[str | None]
    """The metric on the x axis instead of `x_axis`. It is joined to the others by step, and `x_min` and `x_max` are
    values of it."""


class Series(TypedDict):
    run_id: str
    run_name: NotRequired[str]
    key: str
    points: int
    """Number of points sent, the length of the buffers 2i (x) and 2i + 1 (y) of the i-th series."""
    total: int
    """Number of points that the store has in the range."""
    width: NotRequired[float]
    """If there are more than `max_points`, the width of the buckets whose middles and means are sent. All buckets begin
    at multiples of their width, which is a power of two (of steps or milliseconds). 0 if the points are sent as they
    are. Live runs and notebooks saved by earlier versions lack this and the next fields."""
    envelope: NotRequired[int]
    """Position of the first of three buffers: the lowest value, the highest value and the number of finite values of
    each bucket. Only if there are buckets."""
    nan: NotRequired[int]
    """Number of points in the range that are NaN."""
    pos_inf: NotRequired[int]
    neg_inf: NotRequired[int]
    odd: NotRequired[int]
    """Position of the first of two buffers: where the values of a series with buckets that are not finite are on the x
    axis, and 0 for NaN, 1 for infinity or -1 for minus infinity. Several of a kind in one bucket are one."""
    joined: NotRequired[int]
    """If the x axis is a metric, how many of the points are at a step, or in a bucket of steps, in which the run has a
    value of that metric."""
    version: NotRequired[str]
    """Changes whenever the store gets or deletes a point of the series."""
    kept: NotRequired[int]
    """In a push that continues another one: how many of its points stay. The buffers have the points after them."""


class CurvesReply(TypedDict):
    series: list[Series]
    x_axis: NotRequired[XAxis]
    """The settings that the series belong to, as requested."""
    x_min: NotRequired[float | None]
    x_max: NotRequired[float | None]
    max_points: NotRequired[int]
    unchanged: NotRequired[list[str]]
    """Those of the `known` versions that are still what the store has."""


class DiffRequest(TypedDict):
    run_ids: RunIds
    by: NotRequired[str | None]
    """The column that runs are grouped by. None compares no groups."""
    groups: NotRequired[Annotated[list[str], AtMost(MOST_GROUP_CURVES)]]
    """The keys of the groups to compare too."""
    filter: NotRequired[str]
    """Which runs the groups have. The default is all."""
    experiment_ids: NotRequired[Annotated[list[str] | None, AtMost(10_000)]]
    """The experiments of the runs of the groups. None stands for those that the screen was opened on."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_ROWS)]]


class DiffRow(TypedDict):
    section: Literal["param", "metric", "dataset", "tag", "info", "system"]
    key: str
    values: list[str | None]
    """One value for each run, in the order of `run_ids`. None if the run does not have the key."""
    differs: bool
    groups: NotRequired[list[DiffGroupValue]]
    """One for each group, in the order of `DiffReply.groups`. Params and metrics are summarized, other sections not."""


class DiffGroupValue(TypedDict):
    value: str | None
    """The value of a param, if all runs of the group have the same."""
    differing: int
    """If they do not, the number of different values of a param. A missing value counts as one. 0 if no run has it."""
    statistics: GroupStatistics | None
    """Of the last values of a metric. None if no run of the group has it."""


class DiffGroup(TypedDict):
    key: str
    value: str | None
    """The value as people read it, as in `GroupRow`."""
    runs: int
    """Number of runs in the group."""


class DiffReply(TypedDict):
    run_ids: list[str]
    run_names: list[str]
    groups: NotRequired[list[DiffGroup]]
    """Those of the groups that exist, in the order of the request."""
    rows: list[DiffRow]
    count: NotRequired[int]
    """Number of rows on all pages."""


class LiveRequest(TypedDict):
    run_id: str
    max_points: MaxPoints
    offset: NotRequired[Offset]
    """How many metrics come before the page. System metrics come last."""
    limit: NotRequired[Annotated[int, Between(1, MOST_SERIES)]]
    """The largest number of metrics."""
    param_offset: NotRequired[Offset]
    """How many params come before the page."""
    dataset_offset: NotRequired[Offset]
    """How many datasets come before the page."""
    change_offset: NotRequired[Offset]
    """How many changes since the previous attempt come before the page."""


class Panel(TypedDict):
    title: str
    keys: list[str]
    scope: NotRequired[Literal["run", "process", "machine"]]
    """What is measured: the run itself, the process that logs to it, or the whole machine. Defaults to the run, and to
    the machine for panels of system metrics."""


class PanelsView(TypedDict):
    """How the panels of a run are shown. It is a trait of the widget and a part of saved notebooks."""

    open: dict[str, bool]
    """Which sections the user has opened or folded, by name."""
    smoothing: float
    """The weight of the moving average, between 0 and 1. 0 draws the points as they are."""
    log: bool
    best: bool
    """Whether the curves of the best run so far are drawn too."""


class DatasetRow(TypedDict):
    name: str
    digest: str
    context: str | None
    rows: int | None
    source: str
    """Where the data came from, as a URI. Empty if only the code is known."""


class Change(TypedDict):
    kind: Literal["param", "metric"]
    key: str
    old: str | None
    new: str | None
    better: NotRequired[bool]
    """Whether the new value of a metric is better, as its direction says. Only after the end of the run, and only if
    both attempts have the metric."""


class Attempt(TypedDict):
    number: int | None
    """None if the previous run is not of the same cell, but the run before in the same experiment."""
    previous_run_id: str
    previous_run_name: str
    changes: list[Change]
    """A page of at most 200 changes, params first."""
    change_count: NotRequired[int]
    """Number of changes on all pages."""
    code_changed: bool


class Summary(TypedDict):
    key: str
    last: Number
    best: Number
    """The lowest or the highest finite value, as `lower_is_better` says. The last value if none is finite."""
    best_step: float | None
    lower_is_better: bool
    """Whether the metric is a loss, an error or a duration, by its name."""
    points: int


class Progress(TypedDict):
    done: float
    total: float | None
    """None if the total is not known."""
    label: str
    seconds_left: float | None
    """Estimated at the time `at`. None if the total is not known, or if nothing is done yet."""
    at: int


class RunWarning(TypedDict):
    category: str
    """The name of the warning's class."""
    message: str
    count: int
    """How often it was shown."""


class Alert(TypedDict):
    condition: str
    """The filter that was met, such as `metrics.loss > 10`."""
    key: str
    """The metric that met it, or that is not a finite number."""
    step: int
    """The step, the value and the time of the first point that met it."""
    value: Number
    time: int
    count: int
    """How many log calls have met it."""


class StopRequest(TypedDict):
    by: str
    """The user who asked for it. Empty if the name is not known."""
    reason: str
    """May be empty."""
    time: int | None
    """When it was asked for. None if this is not known."""


class BestRun(TypedDict):
    run_id: str
    run_name: str
    metric: str
    value: Number


class LiveReply(TypedDict):
    push: NotRequired[int]
    """The number of a push. Answers to requests have none."""
    after: NotRequired[int | None]
    """The number of the push that this one continues: its series have only the points that are new. None, or missing,
    if they have all points."""
    run: RunRow
    """With a page of at most 200 params, and the metrics of this page."""
    param_count: NotRequired[int]
    """Number of params on all pages."""
    now: int
    """The time by the kernel's clock, so that the elapsed time does not depend on the browser's."""
    metric_count: NotRequired[int]
    """Number of the run's metrics on all pages. Panels, series and summary are about those of this page."""
    panels: list[Panel]
    system: list[Panel]
    """Panels of system metrics."""
    datasets: list[DatasetRow]
    """A page of at most 200 datasets."""
    dataset_count: NotRequired[int]
    """Number of datasets on all pages."""
    series: list[Series]
    summary: list[Summary]
    """One row for each metric, in the order of the series, without system metrics."""
    error: str | None
    """The last line of the traceback of a failed run."""
    attempt: Attempt | None
    progress: NotRequired[Progress | None]
    """How far the run is, if it says so. Notebooks saved by earlier versions lack this and the next fields."""
    output: NotRequired[list[str]]
    """The last lines that the run wrote to stdout and stderr, at most 100."""
    warnings: NotRequired[list[RunWarning]]
    alerts: NotRequired[list[Alert]]
    """In the order in which they were raised first."""
    stop: NotRequired[StopRequest | None]
    """That somebody asked the run to stop, or if the run has ended, that it was stopped."""
    can_stop: NotRequired[bool]
    """Whether the run is active in a process that would notice the request `stop_run`."""
    best: NotRequired[BestRun | None]
    """The best run so far of the experiment, other than this one."""
    best_series: NotRequired[list[Series]]
    """The curves of the best run, of the metrics of this page. Their buffers come after those of `series`."""
    note: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    """The tags that the user has set, without those of MLflow and nbtrack."""


class SeenRun(TypedDict):
    name: NotRequired[str]
    note: NotRequired[str]
    """Empty if there was none."""
    tags: NotRequired[dict[str, str | None]]
    """None for a tag that the run did not have."""


class EditRunRequest(TypedDict):
    """Only what the user has changed. All of it is written, or nothing."""

    run_id: str
    name: NotRequired[str]
    note: NotRequired[str]
    """An empty note is deleted."""
    set_tags: NotRequired[Annotated[dict[str, str], AtMost(MOST_TAGS)]]
    delete_tags: NotRequired[Annotated[list[str], AtMost(MOST_TAGS)]]
    seen: NotRequired[SeenRun]
    """What the form showed before the user changed it. If the run has another value by now, nothing is written."""


class EditRunReply(TypedDict):
    name: str
    note: str
    tags: dict[str, str]
    """The user's own tags, all of them."""


class StopRunRequest(TypedDict):
    run_id: str
    reason: str
    """Kept with the run. May be empty."""


class StopRunReply(TypedDict):
    stop: StopRequest
    """The request that the run's process will notice."""


class RegistryRequest(TypedDict):
    name: str | None
    """The one model to return. None stands for all models, by name."""
    search: NotRequired[str]
    """A part of the names of the models to return, in any case. It does not apply to the model `name`."""
    offset: NotRequired[Offset]
    """How many models come before the page."""
    limit: NotRequired[Annotated[int, Between(1, MOST_MODELS)]]
    """The largest number of models."""
    versions: NotRequired[Annotated[int, Between(0, MOST_VERSIONS)]]
    """How many of the newest versions of each stage are returned with a model. Defaults to 20. For all
    models, `limit` times `versions` may be at most 5,000."""
    events: NotRequired[Annotated[int, Between(0, MOST_EVENTS)]]
    """How many of the newest events are returned with a model. Defaults to 20."""
    filter: NotRequired[str]
    """Count and return only versions that match. It is a filter of model versions, a number, or "@" and an alias."""
    run_id: NotRequired[str]
    """A run whose models may be versions already: see `of_run` of the reply."""


class VersionRow(TypedDict):
    name: str
    version: int
    stage: Stage
    creation_time: int
    user_id: str
    description: str
    source: str
    aliases: list[str]
    tags: NotRequired[dict[str, str]]
    """Notebooks saved by earlier versions lack them."""
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
    stages: NotRequired[dict[str, int]]
    """How many versions that match the filter are in each stage. A stage without versions is left out."""
    versions: list[VersionRow]
    """The newest versions of each stage, newest first."""
    event_count: NotRequired[int]
    """Number of all events."""
    events: list[EventRow]
    """The newest events, newest first."""
    gates: list[GateRow]
    aliases: NotRequired[dict[str, int]]
    """The version that each alias refers to. Notebooks saved by earlier versions lack it."""


class RegistryReply(TypedDict):
    models: list[ModelRow]
    count: NotRequired[int]
    """Number of models on all pages. Notebooks saved by earlier versions lack it, and the counts of `ModelRow`."""
    of_run: NotRequired[list[VersionRow]]
    """The versions whose source is a model of the run `run_id` of the request, if it has one."""


class VersionsRequest(TypedDict):
    name: str
    stage: Stage
    filter: NotRequired[str]
    """As in `RegistryRequest`."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_VERSIONS)]]


class VersionsReply(TypedDict):
    versions: list[VersionRow]
    """A page of the versions in the stage, newest first."""
    count: int
    """Number of versions in the stage."""


class EventsRequest(TypedDict):
    name: str
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_EVENTS)]]


class EventsReply(TypedDict):
    events: list[EventRow]
    """A page of what happened to the model, newest first."""
    count: int
    """Number of all events."""


class RegisterRequest(TypedDict):
    run_id: str
    artifact_path: str | None
    """None if the run logged only one model."""
    name: str


class TransitionRequest(TypedDict):
    name: str
    version: VersionNumber
    stage: Stage
    archive_existing_versions: bool
    reason: str
    """Kept in the history. May be empty."""
    expected_stage: Stage | None
    """The stage in which the screen showed the version. If it is in another one by now, nothing happens."""
    expected_current: Annotated[list[int] | None, AtMost(1_000)]
    """The versions that the screen showed in the target stage. If others are there by now, nothing happens."""
    override_gates: bool


class VersionReply(TypedDict):
    version: VersionRow


class PreviewTransitionRequest(TypedDict):
    name: str
    version: VersionNumber | None
    """None stands for a rollback of the stage."""
    stage: Stage


class GateCheckRow(TypedDict):
    gate: str
    filter: str
    passed: bool
    values: str
    """What the version's run has for the names in the filter, such as "metrics.loss = 0.1", or why it has nothing."""


class PartDifference(TypedDict):
    """A part of a model that consists of entries, beside the same part of other versions."""

    part: Literal["inputs", "outputs", "params", "data"]
    same: int
    """How many entries all versions have."""
    only: list[list[str] | None]
    """For each version, the first of its other entries. None if its model has no signature."""
    counts: list[int]
    """For each version, the number of its other entries."""


class PreviewTransitionReply(TypedDict):
    candidate: VersionRow
    """The version that would enter the stage."""
    current: list[int] | None
    """The versions in the stage, as the transition or the rollback expects them. None if they are too many to list."""
    count: int
    """Number of versions in the stage."""
    leaving: int | None
    """The version that a rollback would archive."""
    beside: list[VersionRow]
    """At most two versions to compare the candidate with: the newest ones in the stage, or else in Production."""
    lower_is_better: list[str]
    """The metrics of which lower values are better."""
    differences: list[PartDifference]
    """The signatures and the datasets of the candidate and of the versions beside it."""
    gates: list[GateCheckRow]


class RollbackRequest(TypedDict):
    name: str
    stage: Stage
    reason: str
    """Kept in the history. May be empty."""
    expected_current: Annotated[list[int] | None, AtMost(1_000)]
    """The versions that the screen showed in the stage. If others are there by now, nothing happens."""
    expected_restored: VersionNumber
    """The version that the screen said would be restored."""
    override_gates: bool


class DeleteVersionRequest(TypedDict):
    name: str
    version: VersionNumber
    reason: str
    """Kept in the history. May be empty."""
    expected_stage: Stage
    """The stage in which the screen showed the version, other than Production."""


class SetAliasRequest(TypedDict):
    name: str
    alias: str
    version: VersionNumber | None
    """None deletes the alias."""
    expected_version: VersionNumber | None
    """The version that the screen showed with the alias. None if it showed none."""


class SetVersionTagRequest(TypedDict):
    name: str
    version: VersionNumber
    key: str
    value: str | None
    """None deletes the tag."""
    expected_value: str | None
    """The value that the screen showed. None if it showed none."""


class LineageRequest(TypedDict):
    name: str
    version: VersionNumber
    offset: NotRequired[Offset]
    """How many datasets, and how many requirements, come before the page."""
    limit: NotRequired[Annotated[int, Between(1, MOST_ROWS)]]
    """The largest number of datasets, and of requirements."""


class LineageReply(TypedDict):
    copied_from: str | None
    """Name and number of the version that this one is a copy of."""
    parents: list[str]
    """Names of the runs that the run is nested in, the nearest first, at most 10."""
    code: dict[str, str]
    """The values of `source`, `type`, `commit` and `dirty` that are known."""
    cell: str | None
    """The source of the cell."""
    datasets: list[DatasetRow]
    dataset_count: int
    """Number of datasets on all pages."""
    python: str | None
    requirements: list[str]
    requirement_count: int
    """Number of requirements on all pages."""


class RunPageRequest(TypedDict):
    run_id: str
    param_search: NotRequired[str]
    """A part of the names of the params to return, in any case."""
    param_offset: NotRequired[Offset]
    """How many of these come before the page."""
    metric_offset: NotRequired[Offset]
    dataset_offset: NotRequired[Offset]
    package_offset: NotRequired[Offset]
    change_offset: NotRequired[Offset]


class RunSource(TypedDict):
    """Where a run was started. A field is empty if it is not known."""

    name: str
    """The notebook or the script."""
    type: str
    """NOTEBOOK, LOCAL or PROJECT."""
    commit: str
    branch: str
    repository: str
    dirty: bool
    """Whether files differed from the commit."""


class RunCell(TypedDict):
    source: str
    is_cut: bool
    """Whether the source is longer."""
    execution_count: str
    """Empty if it is not known."""


class RunLink(TypedDict):
    run_id: str
    run_name: str


class PackageRow(TypedDict):
    name: str
    version: str
    """The version that the run imported."""
    here: str | None
    """The version that is installed where the request is answered, usually in the kernel. None if there is none."""


class ModelVersionLink(TypedDict):
    name: str
    version: int
    stage: Stage
    aliases: list[str]


class RunModel(TypedDict):
    path: str
    flavors: list[str]
    created: str
    """The time of creation in UTC, as the model's file says it."""
    versions: list[ModelVersionLink]
    """The versions that were registered from it."""


class RunPageReply(TypedDict):
    run: RunRow
    """With a page of at most 200 of the params that were searched for, and of at most 500 metrics."""
    now: int
    is_deleted: bool
    artifact_uri: str
    tags: dict[str, str]
    """The first 1,000 tags that the user has set, without those of MLflow and nbtrack."""
    tag_count: int
    source: RunSource
    cell: RunCell | None
    """The cell that created the run, if its source was kept."""
    error: str | None
    """The end of the traceback of a failed run."""
    reason: str | None
    """Why the run ended as KILLED."""
    imported: str | None
    """Where the run was imported from."""
    parents: list[RunLink]
    """The runs that it is nested in, the nearest first, at most 10."""
    child_count: int
    """Number of runs that are nested directly in it."""
    param_count: int
    """Number of all params."""
    found_params: int
    """Number of params whose names have `param_search` in them."""
    metric_count: int
    """Number of metrics on all pages."""
    panels: list[Panel]
    """Panels of the metrics of this page."""
    system: list[Panel]
    datasets: list[DatasetRow]
    """A page of at most 200 datasets."""
    dataset_count: int
    python: str
    """The version of Python. Empty if it is not known."""
    python_here: str
    """The version of Python where the request is answered."""
    packages: list[PackageRow]
    """A page of at most 200 packages, those with another version here first."""
    package_count: int
    differing_packages: int
    """Number of packages on all pages that have another version here, or none."""
    models: list[RunModel]
    """The first 100 models that the run logged."""
    model_count: int
    changes: Attempt | None
    """What differs from the cell's previous attempt, or from the run before in the same experiment."""
    code_diff: list[str]
    """The first 200 lines of the difference between the sources of their cells. They begin with "+", "-" or " "."""


class ArtifactsRequest(TypedDict):
    run_id: str
    path: str
    """The folder. The empty string is the folder of all artifacts."""
    offset: NotRequired[Offset]
    limit: NotRequired[Annotated[int, Between(1, MOST_FILES)]]


class ArtifactEntry(TypedDict):
    path: str
    name: str
    """The last part of the path, or the key of a series of images."""
    is_dir: bool
    size: int | None
    """In bytes. None for a folder and for a series of images."""
    steps: NotRequired[int]
    """Number of images, if the entry is a series of images. Its path is that of the last one."""


class ArtifactsReply(TypedDict):
    entries: list[ArtifactEntry]
    """A page of what is directly in the folder. All images of a series are one entry."""
    count: int
    """Number of entries on all pages."""


class ArtifactRequest(TypedDict):
    run_id: str
    path: str
    whole: NotRequired[bool]
    """Whether the content is asked for, for a download, instead of a preview."""


class TablePreview(TypedDict):
    columns: list[str]
    rows: list[list[str | None]]
    """The first 100 rows. None is a missing value."""
    row_count: int | None
    """Number of all rows. None if it is not known."""
    column_count: int


class ModelPreview(TypedDict):
    flavors: list[str]
    created: str
    inputs: list[str]
    """The columns or tensors of the signature, one string each. Empty if the model has none."""
    outputs: list[str]
    params: list[str]
    code: list[str]
    """Lines of Python that load the model, with each of its flavors."""


class ImageStep(TypedDict):
    path: str
    step: int
    time: int


class ImageSeries(TypedDict):
    key: str
    images: list[ImageStep]
    """By step, the last 1,000."""
    count: int


class ArtifactReply(TypedDict):
    path: str
    kind: Literal["folder", "model", "image", "table", "text", "html", "binary"]
    """What the preview shows. Nothing of a binary file is sent, and nothing of an image or a page that is too large."""
    size: int | None
    modified: int | None
    text: str | None
    """The text or the HTML. It is as hostile as the run that wrote it."""
    is_cut: bool
    """Whether there is more of the text."""
    data: str | None
    """A data URL with the image, or with the content that was asked for. None if it is too large."""
    table: TablePreview | None
    model: ModelPreview | None
    series: ImageSeries | None
    code: str
    """A line of Python that returns a local path of the artifact."""


class ErrorReply(TypedDict):
    error_code: str
    message: str
    reason: str | None
    """What is wrong with a query, in one line. None for any other error."""
    position: int | None
    """The position of the first wrong character of a query, from 0. None for any other error."""
    expected: list[str]

// Generated from src/nbtrack/views/contract.py; do not edit. Regenerate with
//   python -m nbtrack.views.typescript > js/contract.ts

export const MOST_RUNS = 1000;

export const MOST_ROWS = 1000;

export const MOST_COLUMNS = 500;

export const MOST_SERIES = 500;

/** The largest number of runs times keys in one request. */
export const MOST_CURVES = 10000;

export const MOST_POINTS = 5000;

export const MOST_MODELS = 100;

export const MOST_VERSIONS = 500;

export const MOST_EVENTS = 200;

/** The largest number of entries of a part of a model, such as its inputs, that only one version has. */
export const MOST_DIFFERENCES = 20;

export const MOST_COMPLETIONS = 60;

export const MOST_FILTERS = 20;

export const MOST_DATASETS = 200;

export const MOST_CHANGES = 200;

export const MOST_PARAMS = 200;

export const MOST_TAGS = 1000;

export const MOST_SORTS = 100;

export const MOST_NAMES = 20000;

export const MOST_GROUPS = 1000;

/** The largest number of groups whose curves one request asks for. */
export const MOST_GROUP_CURVES = 50;

export const MOST_GROUP_METRICS = 20;

export const MOST_GROUP_COLUMNS = 100;

export const MOST_UNFOLDED = 10000;

export const MOST_SELECTED = 100000;

export const MOST_SELECTED_GROUPS = 10000;

export const MOST_COLUMN_VIEWS = 20000;

export const MOST_PANELS = 100;

export const MOST_VIEWS = 1000;

export const MOST_FILES = 500;

export const MOST_STEPS = 1000;

/** The largest number of changed lines of a cell, and of lines of a model's signature. */
export const MOST_LINES = 200;

export const MOST_PREVIEW_ROWS = 100;

export const MOST_PREVIEW_COLUMNS = 100;

/** How much of a file of text is shown. */
export const MOST_PREVIEW_BYTES = 262144;

/** The largest file that is sent as a whole: an image, a page of HTML, or a file that is downloaded. */
export const MOST_WHOLE_BYTES = 6000000;

export type NonFinite = "NaN" | "Infinity" | "-Infinity";

export type Number = number | NonFinite;

export type Status = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export type Stage = "None" | "Staging" | "Production" | "Archived";

/** A statistic over the runs of a group. `n` is the number of runs whose value is a number. */
export type GroupStatistic = "mean" | "std" | "min" | "max" | "n";

/** Steps, milliseconds since the epoch, or seconds since the start of the run. */
export type XAxis = "step" | "time" | "relative";

/**
 * What is drawn around a curve: nothing, the lowest to the highest value, or the mean of a group plus and minus its
 * standard deviation or its standard error. A run has a band from its lowest to its highest value, or none.
 */
export type Band = "none" | "range" | "std" | "sem";

/** Curves of the points of metrics, or a bar for one value of each run or group. */
export type PanelKind = "curves" | "bars";

/** Which value of a run its bar shows. The best one is the lowest or the highest, as the metric's direction says. */
export type BarStatistic = "last" | "best" | "first" | "mean";

/** How many items come before the page. */
export type Offset = number;

export type RunIds = string[];

/** About how many points of a series are sent. Spikes are kept. */
export type MaxPoints = number;

export type VersionNumber = number;

export interface ColumnView {
  /** The column as an order_by clause names it, without its direction: `metrics.loss`, `min(metrics.loss)`. */
  column: string;
  /** In px. None stands for the width that fits its values. */
  width: number | null;
  /** None hides a param that is the same in every run. */
  hidden: boolean | null;
  /** Whether it stays in sight while the other columns scroll. */
  pinned: boolean;
  /** The column that the user moved it in front of. None leaves it in its place. */
  before: string | null;
}

export interface PanelView {
  metrics: string[];
  kind: PanelKind;
  statistic: BarStatistic;
  x_axis: XAxis;
  /** The weight of the moving average. 0 draws the values as they were logged. */
  smoothing: number;
  /** Whether the y axis is logarithmic, or the lengths of bars. */
  log: boolean;
  /** The left end of the zoom. None shows all points. */
  x_min: number | null;
  x_max: number | null;
  /** Whether the x axis is logarithmic. */
  log_x: boolean;
  /** The metric that is on the x axis instead of `x_axis`. Its values are joined to those of the others by step. */
  x_metric: string | null;
  band: Band;
  /** Whether the y axis has room for values far outside of the others too. */
  all_values: boolean;
  /** Whether the curves are drawn as differences from that of the baseline, if there is one. */
  difference: boolean;
  /** Whether the curve of every run of a group is drawn behind the mean of the group. */
  members: boolean;
  /** In twelfths of the grid of charts. None is half of it, or all of it for a chart that is alone. */
  width: number | null;
  /** Of the plot, in px. */
  height: number | null;
}

export interface RunStyle {
  /** A run ID, or a value of the column `style_by`. */
  value: string;
  /** The color, plus 8 for each of the dashes after the solid line. */
  slot: number;
}

/** What a comparison shows, as plain data. It is a trait of the widget and a part of saved notebooks. */
export interface ViewState {
  version: number;
  /** The filter. */
  query: string;
  /** Clauses of order_by, the most important first. */
  sorts: string[];
  /** Whether nested runs stand under their parents. */
  grouped: boolean;
  /** The runs whose nested runs are shown. */
  unfolded: string[];
  /** The IDs of the selected runs, in the order of their selection. */
  selected: string[];
  /** The columns that are not as they are by default, in the order in which they were changed. */
  columns: ColumnView[];
  /** Whether params that are the same in every run have a column too. */
  all_params: boolean;
  /** The charts, in their order. None at all stands for one chart of the first metric. */
  panels: PanelView[];
  /** Whether charts with the same x axis share their zoom and their cursor. */
  shared_x: boolean;
  /** The column whose equal values put runs into one group, such as `params.optimizer`. */
  group_by: string | null;
  /** The ID of the run that the others are compared with. */
  baseline: string | null;
  /**
   * The key of the group that the others are compared with, of those of `group_by`. If it is set, `baseline` is None,
   * and the other way around.
   */
  baseline_group: string | null;
  /** The keys of the selected groups, in the order of their selection. */
  selected_groups: string[];
  /** The keys of the groups whose runs are shown. */
  unfolded_groups: string[];
  /** What the rows of groups show first, and what sorting by a metric orders them by. */
  group_statistic: GroupStatistic;
  /**
   * The column whose value gives runs their color and dash, such as `params.optimizer`. None gives each selected run
   * its own. Earlier versions kept the name of a param.
   */
  style_by: string | null;
  /** Colors and dashes that the user chose. */
  styles: RunStyle[];
}

export interface SavedViewsRequest {
  /** The view whose state is returned. None returns only the names. */
  name: string | null;
  offset?: Offset;
  limit?: number;
}

export interface SavedViewsReply {
  /** A page of the names of all saved views, sorted. */
  names: string[];
  /** Number of saved views. */
  count: number;
  view: ViewState | null;
}

export interface SaveViewRequest {
  name: string;
  view: ViewState;
  /** Whether a view of the same name may be replaced. */
  replace: boolean;
}

export interface DeleteViewRequest {
  name: string;
}

export interface PythonRequest {
  view: ViewState;
  experiment_ids: string[] | null;
}

export interface PythonReply {
  code: string;
}

export interface RunRow {
  run_id: string;
  run_name: string;
  experiment_id: string;
  experiment_name: string;
  status: Status;
  start_time: number;
  end_time: number | null;
  user_id: string;
  parent_run_id: string | null;
  note: string;
  params: Record<string, string>;
  metrics: Record<string, Number>;
  /** Artifact paths of the models that the run logged. */
  models: string[];
}

/** A metric of a run over all of its points. */
export interface Statistics {
  first: Number;
  low: Number;
  high: Number;
  mean: Number;
  /** The mean of the last 10 values. */
  tail: Number;
}

export interface TableRow extends RunRow {
  /** How many of the runs above it in the table it is nested in. 0 if rows are not grouped. */
  depth: number;
  /** How many of the matching runs are nested directly in it. 0 if rows are not grouped. */
  children: number;
  /** The best last value of each metric among these. */
  nested_best: Record<string, Number>;
  /** Of the metrics whose statistics were asked for. */
  statistics?: Record<string, Statistics>;
}

export interface BaselineRow extends RunRow {
  /** Of the metrics whose statistics were asked for. */
  statistics?: Record<string, Statistics>;
}

export interface RunsRequest {
  filter: string;
  /** None stands for the experiments that the screen was opened on. */
  experiment_ids: string[] | null;
  order_by: string[];
  /** Whether nested runs stand under their parents, if those match too. A folded parent hides them. */
  grouped: boolean;
  /** The runs whose nested runs are shown. None stands for all. */
  unfolded: string[] | null;
  offset: Offset;
  limit: number;
  /** How many params, how many metrics and how many system metrics come before the page of columns. */
  column_offset?: Offset;
  /** The largest number of params, of metrics and of system metrics. */
  column_limit?: number;
  /** The params to return, instead of a page of columns. The reply counts no columns then. */
  params?: string[];
  /** The metrics to return, instead of a page of columns. */
  metrics?: string[];
  /** The metrics whose first, lowest, highest and mean values are returned too. */
  statistics?: string[];
  /** The ID of a run that is returned too, with the same columns. */
  baseline?: string | null;
  /**
   * Only the runs of this group are returned, and `count`, `total`, `nested`, `differs`, `best` and `best_values` are
   * about them. A page of columns is still that of all runs that match.
   */
  group?: GroupKey | null;
  /** A group that is returned too, with the same columns. */
  baseline_group?: GroupKey | null;
  /**
   * False if an earlier reply to this filter has summarized these params and metrics. The reply's `params`, `best`,
   * `best_values` and `lower_is_better` are empty then.
   */
  summary?: boolean;
}

export interface GroupKey {
  /** The column whose equal values put runs into one group, such as `params.optimizer`, as in `ViewState`. */
  by: string;
  /** The key of the group, as `GroupRow` has it. */
  key: string;
}

export interface ParamColumn {
  key: string;
  differs: boolean;
}

export interface RunsReply {
  /** With the params and metrics of this page of columns. */
  rows: TableRow[];
  /** Number of rows on all pages. */
  count: number;
  /** Number of runs that match. If some are folded away, there are more of them than rows. */
  total: number;
  /** How many of these are nested in another one of them. */
  nested: number;
  /** If there are several pages, the params of the query come first, then those that differ. */
  params: ParamColumn[];
  /** If there are several pages, the metrics of the query come first, then those of held-out data. */
  metrics: string[];
  /** System metrics, which are not columns. */
  system: string[];
  /** Number of params on all pages of columns. Notebooks saved by earlier versions lack this and the next counts. */
  param_count?: number;
  /** How many of these differ between runs. */
  differing_count?: number;
  /** Number of metrics on all pages of columns. */
  metric_count?: number;
  /** Number of system metrics on all pages of columns. */
  system_count?: number;
  /** The ID of the best matching run by metric of this page. A metric without a finite value is left out. */
  best: Record<string, string>;
  /** The metrics of this page for which lower is better, by their names or because a study minimizes them. */
  lower_is_better: string[];
  /** The best last value by metric of this page, if not all runs have the same. Several runs may have it. */
  best_values?: Record<string, Number>;
  /** The run that was asked for as the baseline. None if it does not exist. */
  baseline?: BaselineRow | null;
  /** The group that was asked for as the baseline, over all runs that match. None if it does not exist. */
  baseline_group?: GroupRow | null;
  /** If no run matches, the keys of the filter that no run has. */
  hints?: Hint[];
}

export interface Hint {
  /** A key that the filter names and no run has. */
  key: string;
  /** Keys that may have been meant, as a filter names them. */
  near: string[];
}

/** Statistics over every run of a group. Missing values and NaN are left out, as in `nbtrack.aggregate`. */
export interface GroupStatistics {
  /** Number of runs whose value is a number. */
  n: number;
  /** None if no run has a number. */
  mean: Number | null;
  /** The standard deviation of a sample (ddof=1). None if fewer than two runs have a number, or if one is infinite. */
  std: Number | null;
  min: Number | null;
  max: Number | null;
}

export interface GroupRow {
  /**
   * Identifies the group among those of the same column, for as long as the store exists: `n:0.1` is the group of a
   * number, `s:adam` and `h:…` that of a string, and `none` that of the runs without a value. At most 202 characters.
   */
  key: string;
  /**
   * The value as people read it: the names of datasets and of a parent run, for example. None if the runs do not have
   * one.
   */
  value: string | null;
  /** Number of runs in the group. */
  runs: number;
  /** The params that are the same in all runs of the group. */
  params: Record<string, string>;
  /** Number of different values of the other params that a run of the group has. A missing value counts as one. */
  differing: Record<string, number>;
  /** Statistics of the last values. A metric that no run of the group has is left out. */
  metrics: Record<string, GroupStatistics>;
  /** Statistics of the other columns that were asked for. */
  columns: Record<string, GroupStatistics>;
}

export interface GroupsRequest {
  filter: string;
  /** None stands for the experiments that the screen was opened on. */
  experiment_ids: string[] | null;
  /**
   * The column to group by: a param, a tag, `datasets.name`, `datasets.digest`, `attributes.parent`, or another
   * attribute that runs can share. Runs with several datasets are in the group of exactly these datasets.
   */
  by: string;
  /**
   * The clauses that the table is sorted by. Groups are sorted by `statistic` of the values of their runs, by their
   * own value if a clause names `by`, or by the number of their runs if it names `runs`. Without a clause, they are in
   * the order of their own values. A group without a value comes last.
   */
  order_by: string[];
  statistic: GroupStatistic;
  /** How many groups come before the page. */
  offset: Offset;
  limit: number;
  /** The params to return. */
  params: string[];
  /** The metrics whose last values are summarized. */
  metrics: string[];
  /** Other columns whose values are summarized, such as `min(metrics.loss)` or `attributes.duration`. */
  columns?: string[];
  /** The ID of a run that is returned too, with these params and metrics. */
  baseline?: string | null;
  /** The metrics whose first, lowest, highest and mean values of this run are returned too. */
  statistics?: string[];
  /** The key of a group that is returned too. */
  baseline_group?: string | null;
  /** The keys of the groups to return instead of a page, in this order. The reply's `best` is about these only. */
  keys?: string[] | null;
}

export interface GroupsReply {
  groups: GroupRow[];
  /** Number of groups on all pages. */
  count: number;
  /** Number of runs that match. */
  total: number;
  /** The key of the group with the best mean, of all groups, by metric. The metrics are those of the request. */
  best: Record<string, string>;
  /** Those of the metrics, also of the columns, for which lower is better. */
  lower_is_better: string[];
  /** The run that was asked for as the baseline. None if it does not exist. */
  baseline?: BaselineRow | null;
  /** The group that was asked for as the baseline. None if it does not exist. */
  baseline_group?: GroupRow | null;
}

export interface GroupCurvesRequest {
  filter: string;
  experiment_ids: string[] | null;
  by: string;
  /** The keys of the groups. */
  groups: string[];
  metrics: string[];
  x_axis: XAxis;
  x_min: number | null;
  x_max: number | null;
  max_points: MaxPoints;
}

export interface GroupSeries {
  /** The key of the group. */
  group: string;
  metric: string;
  /** Number of runs with a finite value in the range. */
  runs: number;
  /** Number of buckets, the length of the six buffers of the series. */
  points: number;
  /** Number of points of all runs in the range. */
  total: number;
  /**
   * The width of the buckets in units of the axis. The buckets of a metric are the same in all groups. 1 (of steps)
   * or the shortest time if each position is a bucket of its own.
   */
  width: number;
  /** Number of points in the range that are NaN. They and the infinite ones are in no mean. */
  nan: number;
  pos_inf: number;
  neg_inf: number;
  /**
   * The buffer with the places of these on the x axis. The next buffer has 0 for NaN, 1 for infinity and -1 for minus
   * infinity. Several of the same kind in one bucket are one. Not there if there are none.
   */
  odd?: number;
}

export interface GroupCurvesReply {
  /**
   * One for each group and metric that has points in the range, by group and then by metric as requested. Buffers 6i
   * to 6i + 5 of the i-th series are x, mean, std, n, min and max of its buckets. In a bucket each run counts once, with
   * the mean of its finite values, and n is the number of these runs: it falls where runs end early. std is that of a
   * sample, NaN if n is 1. min and max are the lowest and the highest finite value of any of their points.
   */
  series: GroupSeries[];
  /** The settings that the series belong to, as requested. */
  x_axis: XAxis;
  x_min: number | null;
  x_max: number | null;
  max_points: number;
}

export interface GroupColumnsRequest {
  filter: string;
  experiment_ids: string[] | null;
  /** A part of the names of the columns to return, in any case. */
  search?: string;
  offset?: Offset;
  limit?: number;
}

export interface GroupColumn {
  /** The column as `GroupsRequest.by` names it. */
  column: string;
  kind: "param" | "tag" | "dataset" | "attribute";
  /** The name of the param or the tag, or what people call the dataset or attribute. */
  name: string;
  /** Number of groups, without that of the runs that do not have a value. */
  groups: number;
  /** Number of matching runs with a value. */
  runs: number;
}

export interface GroupColumnsReply {
  /**
   * A page of the columns by which the runs that match can be grouped, the most useful first: those with few groups
   * of several runs each, params before tags. Tags that nbtrack and MLflow set are left out.
   */
  columns: GroupColumn[];
  /** Number of columns on all pages. */
  count: number;
}

export interface ColumnsRequest {
  filter: string;
  /** None stands for the experiments that the screen was opened on. */
  experiment_ids: string[] | null;
  order_by: string[];
  /** How many params, and how many metrics, come before the page. */
  offset?: Offset;
  limit?: number;
}

export interface ColumnsReply {
  /** A page of the params of the runs that match, in the order of the pages of `RunsReply`. */
  params: ParamColumn[];
  metrics: string[];
  /** Number of params on all pages. */
  param_count: number;
  metric_count: number;
  /** The metrics of this page for which lower is better. */
  lower_is_better: string[];
  /** The metrics of this page of which this is only a guess from their names. */
  guessed: string[];
}

export interface CompleteRequest {
  /** A filter that is being written. */
  text: string;
  /** Number of characters before the cursor: code points, not the UTF-16 units that JavaScript counts. */
  position: number;
  /** Whose keys and values are offered. None stands for the experiments that the screen was opened on. */
  experiment_ids?: string[] | null;
  offset?: Offset;
  limit?: number;
}

export interface Completion {
  /** Replaces the text from `start` to `end`. */
  text: string;
  kind: "name" | "function" | "value" | "comparator" | "keyword";
  start: number;
  end: number;
  detail: string;
}

export interface CompleteReply {
  /** A page of the completions, the likeliest first. */
  completions: Completion[];
  /** Number of completions on all pages, at most 1,000. */
  count: number;
}

export interface ValuesRequest {
  run_ids: RunIds;
  /**
   * A param, a tag, `datasets.name`, `datasets.digest`, or the attribute status, user_id, run_name, experiment or
   * parent.
   */
  column: string;
}

export interface ValuesReply {
  /** The value of each run, in the order of `run_ids`. None if the run does not have one, or does not exist. */
  values: (string | null)[];
}

export interface MatchesRequest {
  /** A filter that is being written. */
  filter: string;
  /** None stands for the experiments that the screen was opened on. */
  experiment_ids: string[] | null;
}

export interface MatchesReply {
  /** Number of runs that match. */
  total: number;
}

export interface FiltersRequest {
  limit?: number;
}

export interface KeepFilterRequest {
  filter: string;
}

export interface FiltersReply {
  /** The filters that the user applied last in this store, the newest first. */
  filters: string[];
}

export interface CurvesRequest {
  run_ids: RunIds;
  /** There is a series for each run and key that has points, and at most 10,000 of them. */
  keys: string[];
  x_axis: XAxis;
  x_min: number | null;
  x_max: number | null;
  max_points: MaxPoints;
  /** Versions of series that the screen has. A series that still has one of them is not sent again. */
  known?: string[];
  /**
   * The metric on the x axis instead of `x_axis`. It is joined to the others by step, and `x_min` and `x_max` are
   * values of it.
   */
  x_metric?: string | null;
}

export interface Series {
  run_id: string;
  run_name?: string;
  key: string;
  /** Number of points sent, the length of the buffers 2i (x) and 2i + 1 (y) of the i-th series. */
  points: number;
  /** Number of points that the store has in the range. */
  total: number;
  /**
   * If there are more than `max_points`, the width of the buckets whose middles and means are sent. All buckets begin
   * at multiples of their width, which is a power of two (of steps or milliseconds). 0 if the points are sent as they
   * are. Live runs and notebooks saved by earlier versions lack this and the next fields.
   */
  width?: number;
  /**
   * Position of the first of three buffers: the lowest value, the highest value and the number of finite values of
   * each bucket. Only if there are buckets.
   */
  envelope?: number;
  /** Number of points in the range that are NaN. */
  nan?: number;
  pos_inf?: number;
  neg_inf?: number;
  /**
   * Position of the first of two buffers: where the values of a series with buckets that are not finite are on the x
   * axis, and 0 for NaN, 1 for infinity or -1 for minus infinity. Several of a kind in one bucket are one.
   */
  odd?: number;
  /**
   * If the x axis is a metric, how many of the points are at a step, or in a bucket of steps, in which the run has a
   * value of that metric.
   */
  joined?: number;
  /** Changes whenever the store gets or deletes a point of the series. */
  version?: string;
  /** In a push that continues another one: how many of its points stay. The buffers have the points after them. */
  kept?: number;
}

export interface CurvesReply {
  series: Series[];
  /** The settings that the series belong to, as requested. */
  x_axis?: XAxis;
  x_min?: number | null;
  x_max?: number | null;
  max_points?: number;
  /** Those of the `known` versions that are still what the store has. */
  unchanged?: string[];
}

export interface DiffRequest {
  run_ids: RunIds;
  /** The column that runs are grouped by. None compares no groups. */
  by?: string | null;
  /** The keys of the groups to compare too. */
  groups?: string[];
  /** Which runs the groups have. The default is all. */
  filter?: string;
  /** The experiments of the runs of the groups. None stands for those that the screen was opened on. */
  experiment_ids?: string[] | null;
  offset?: Offset;
  limit?: number;
}

export interface DiffRow {
  section: "param" | "metric" | "dataset" | "tag" | "info" | "system";
  key: string;
  /** One value for each run, in the order of `run_ids`. None if the run does not have the key. */
  values: (string | null)[];
  differs: boolean;
  /** One for each group, in the order of `DiffReply.groups`. Params and metrics are summarized, other sections not. */
  groups?: DiffGroupValue[];
}

export interface DiffGroupValue {
  /** The value of a param, if all runs of the group have the same. */
  value: string | null;
  /** If they do not, the number of different values of a param. A missing value counts as one. 0 if no run has it. */
  differing: number;
  /** Of the last values of a metric. None if no run of the group has it. */
  statistics: GroupStatistics | null;
}

export interface DiffGroup {
  key: string;
  /** The value as people read it, as in `GroupRow`. */
  value: string | null;
  /** Number of runs in the group. */
  runs: number;
}

export interface DiffReply {
  run_ids: string[];
  run_names: string[];
  /** Those of the groups that exist, in the order of the request. */
  groups?: DiffGroup[];
  rows: DiffRow[];
  /** Number of rows on all pages. */
  count?: number;
}

export interface LiveRequest {
  run_id: string;
  max_points: MaxPoints;
  /** How many metrics come before the page. System metrics come last. */
  offset?: Offset;
  /** The largest number of metrics. */
  limit?: number;
  /** How many params come before the page. */
  param_offset?: Offset;
  /** How many datasets come before the page. */
  dataset_offset?: Offset;
  /** How many changes since the previous attempt come before the page. */
  change_offset?: Offset;
}

export interface Panel {
  title: string;
  keys: string[];
  /**
   * What is measured: the run itself, the process that logs to it, or the whole machine. Defaults to the run, and to
   * the machine for panels of system metrics.
   */
  scope?: "run" | "process" | "machine";
}

/** How the panels of a run are shown. It is a trait of the widget and a part of saved notebooks. */
export interface PanelsView {
  /** Which sections the user has opened or folded, by name. */
  open: Record<string, boolean>;
  /** The weight of the moving average, between 0 and 1. 0 draws the points as they are. */
  smoothing: number;
  log: boolean;
  /** Whether the curves of the best run so far are drawn too. */
  best: boolean;
}

export interface DatasetRow {
  name: string;
  digest: string;
  context: string | null;
  rows: number | null;
  /** Where the data came from, as a URI. Empty if only the code is known. */
  source: string;
}

export interface Change {
  kind: "param" | "metric";
  key: string;
  old: string | null;
  new: string | null;
  /**
   * Whether the new value of a metric is better, as its direction says. Only after the end of the run, and only if
   * both attempts have the metric.
   */
  better?: boolean;
}

export interface Attempt {
  /** None if the previous run is not of the same cell, but the run before in the same experiment. */
  number: number | null;
  previous_run_id: string;
  previous_run_name: string;
  /** A page of at most 200 changes, params first. */
  changes: Change[];
  /** Number of changes on all pages. */
  change_count?: number;
  code_changed: boolean;
}

export interface Summary {
  key: string;
  last: Number;
  /** The lowest or the highest finite value, as `lower_is_better` says. The last value if none is finite. */
  best: Number;
  best_step: number | null;
  /** Whether the metric is a loss, an error or a duration, by its name. */
  lower_is_better: boolean;
  points: number;
}

export interface Progress {
  done: number;
  /** None if the total is not known. */
  total: number | null;
  label: string;
  /** Estimated at the time `at`. None if the total is not known, or if nothing is done yet. */
  seconds_left: number | null;
  at: number;
}

export interface RunWarning {
  /** The name of the warning's class. */
  category: string;
  message: string;
  /** How often it was shown. */
  count: number;
}

export interface Alert {
  /** The filter that was met, such as `metrics.loss > 10`. */
  condition: string;
  /** The metric that met it, or that is not a finite number. */
  key: string;
  /** The step, the value and the time of the first point that met it. */
  step: number;
  value: Number;
  time: number;
  /** How many log calls have met it. */
  count: number;
}

export interface StopRequest {
  /** The user who asked for it. Empty if the name is not known. */
  by: string;
  /** May be empty. */
  reason: string;
  /** When it was asked for. None if this is not known. */
  time: number | null;
}

export interface BestRun {
  run_id: string;
  run_name: string;
  metric: string;
  value: Number;
}

export interface LiveReply {
  /** The number of a push. Answers to requests have none. */
  push?: number;
  /**
   * The number of the push that this one continues: its series have only the points that are new. None, or missing,
   * if they have all points.
   */
  after?: number | null;
  /** With a page of at most 200 params, and the metrics of this page. */
  run: RunRow;
  /** Number of params on all pages. */
  param_count?: number;
  /** The time by the kernel's clock, so that the elapsed time does not depend on the browser's. */
  now: number;
  /** Number of the run's metrics on all pages. Panels, series and summary are about those of this page. */
  metric_count?: number;
  panels: Panel[];
  /** Panels of system metrics. */
  system: Panel[];
  /** A page of at most 200 datasets. */
  datasets: DatasetRow[];
  /** Number of datasets on all pages. */
  dataset_count?: number;
  series: Series[];
  /** One row for each metric, in the order of the series, without system metrics. */
  summary: Summary[];
  /** The last line of the traceback of a failed run. */
  error: string | null;
  attempt: Attempt | null;
  /** How far the run is, if it says so. Notebooks saved by earlier versions lack this and the next fields. */
  progress?: Progress | null;
  /** The last lines that the run wrote to stdout and stderr, at most 100. */
  output?: string[];
  warnings?: RunWarning[];
  /** In the order in which they were raised first. */
  alerts?: Alert[];
  /** That somebody asked the run to stop, or if the run has ended, that it was stopped. */
  stop?: StopRequest | null;
  /** Whether the run is active in a process that would notice the request `stop_run`. */
  can_stop?: boolean;
  /** The best run so far of the experiment, other than this one. */
  best?: BestRun | null;
  /** The curves of the best run, of the metrics of this page. Their buffers come after those of `series`. */
  best_series?: Series[];
  note?: string;
  /** The tags that the user has set, without those of MLflow and nbtrack. */
  tags?: Record<string, string>;
}

export interface SeenRun {
  name?: string;
  /** Empty if there was none. */
  note?: string;
  /** None for a tag that the run did not have. */
  tags?: Record<string, string | null>;
}

/** Only what the user has changed. All of it is written, or nothing. */
export interface EditRunRequest {
  run_id: string;
  name?: string;
  /** An empty note is deleted. */
  note?: string;
  set_tags?: Record<string, string>;
  delete_tags?: string[];
  /** What the form showed before the user changed it. If the run has another value by now, nothing is written. */
  seen?: SeenRun;
}

export interface EditRunReply {
  name: string;
  note: string;
  /** The user's own tags, all of them. */
  tags: Record<string, string>;
}

export interface StopRunRequest {
  run_id: string;
  /** Kept with the run. May be empty. */
  reason: string;
}

export interface StopRunReply {
  /** The request that the run's process will notice. */
  stop: StopRequest;
}

export interface RegistryRequest {
  /** The one model to return. None stands for all models, by name. */
  name: string | null;
  /** A part of the names of the models to return, in any case. It does not apply to the model `name`. */
  search?: string;
  /** How many models come before the page. */
  offset?: Offset;
  /** The largest number of models. */
  limit?: number;
  /**
   * How many of the newest versions of each stage are returned with a model. Defaults to 20. For all
   * models, `limit` times `versions` may be at most 5,000.
   */
  versions?: number;
  /** How many of the newest events are returned with a model. Defaults to 20. */
  events?: number;
  /** Count and return only versions that match. It is a filter of model versions, a number, or "@" and an alias. */
  filter?: string;
  /** A run whose models may be versions already: see `of_run` of the reply. */
  run_id?: string;
}

export interface VersionRow {
  name: string;
  version: number;
  stage: Stage;
  creation_time: number;
  user_id: string;
  description: string;
  source: string;
  aliases: string[];
  /** Notebooks saved by earlier versions lack them. */
  tags?: Record<string, string>;
  run_id: string;
  run_name: string;
  metrics: Record<string, Number>;
}

export interface EventRow {
  timestamp: number;
  user_id: string;
  version: number | null;
  kind: string;
  old: string | null;
  new: string | null;
  reason: string | null;
}

export interface GateRow {
  stage: Stage;
  gate: string;
  filter: string;
}

export interface ModelRow {
  name: string;
  description: string;
  creation_time: number;
  /** How many versions that match the filter are in each stage. A stage without versions is left out. */
  stages?: Record<string, number>;
  /** The newest versions of each stage, newest first. */
  versions: VersionRow[];
  /** Number of all events. */
  event_count?: number;
  /** The newest events, newest first. */
  events: EventRow[];
  gates: GateRow[];
  /** The version that each alias refers to. Notebooks saved by earlier versions lack it. */
  aliases?: Record<string, number>;
}

export interface RegistryReply {
  models: ModelRow[];
  /** Number of models on all pages. Notebooks saved by earlier versions lack it, and the counts of `ModelRow`. */
  count?: number;
  /** The versions whose source is a model of the run `run_id` of the request, if it has one. */
  of_run?: VersionRow[];
}

export interface VersionsRequest {
  name: string;
  stage: Stage;
  /** As in `RegistryRequest`. */
  filter?: string;
  offset?: Offset;
  limit?: number;
}

export interface VersionsReply {
  /** A page of the versions in the stage, newest first. */
  versions: VersionRow[];
  /** Number of versions in the stage. */
  count: number;
}

export interface EventsRequest {
  name: string;
  offset?: Offset;
  limit?: number;
}

export interface EventsReply {
  /** A page of what happened to the model, newest first. */
  events: EventRow[];
  /** Number of all events. */
  count: number;
}

export interface RegisterRequest {
  run_id: string;
  /** None if the run logged only one model. */
  artifact_path: string | null;
  name: string;
}

export interface TransitionRequest {
  name: string;
  version: VersionNumber;
  stage: Stage;
  archive_existing_versions: boolean;
  /** Kept in the history. May be empty. */
  reason: string;
  /** The stage in which the screen showed the version. If it is in another one by now, nothing happens. */
  expected_stage: Stage | null;
  /** The versions that the screen showed in the target stage. If others are there by now, nothing happens. */
  expected_current: number[] | null;
  override_gates: boolean;
}

export interface VersionReply {
  version: VersionRow;
}

export interface PreviewTransitionRequest {
  name: string;
  /** None stands for a rollback of the stage. */
  version: VersionNumber | null;
  stage: Stage;
}

export interface GateCheckRow {
  gate: string;
  filter: string;
  passed: boolean;
  /** What the version's run has for the names in the filter, such as "metrics.loss = 0.1", or why it has nothing. */
  values: string;
}

/** A part of a model that consists of entries, beside the same part of other versions. */
export interface PartDifference {
  part: "inputs" | "outputs" | "params" | "data";
  /** How many entries all versions have. */
  same: number;
  /** For each version, the first of its other entries. None if its model has no signature. */
  only: (string[] | null)[];
  /** For each version, the number of its other entries. */
  counts: number[];
}

export interface PreviewTransitionReply {
  /** The version that would enter the stage. */
  candidate: VersionRow;
  /** The versions in the stage, as the transition or the rollback expects them. None if they are too many to list. */
  current: number[] | null;
  /** Number of versions in the stage. */
  count: number;
  /** The version that a rollback would archive. */
  leaving: number | null;
  /** At most two versions to compare the candidate with: the newest ones in the stage, or else in Production. */
  beside: VersionRow[];
  /** The metrics of which lower values are better. */
  lower_is_better: string[];
  /** The signatures and the datasets of the candidate and of the versions beside it. */
  differences: PartDifference[];
  gates: GateCheckRow[];
}

export interface RollbackRequest {
  name: string;
  stage: Stage;
  /** Kept in the history. May be empty. */
  reason: string;
  /** The versions that the screen showed in the stage. If others are there by now, nothing happens. */
  expected_current: number[] | null;
  /** The version that the screen said would be restored. */
  expected_restored: VersionNumber;
  override_gates: boolean;
}

export interface DeleteVersionRequest {
  name: string;
  version: VersionNumber;
  /** Kept in the history. May be empty. */
  reason: string;
  /** The stage in which the screen showed the version, other than Production. */
  expected_stage: Stage;
}

export interface SetAliasRequest {
  name: string;
  alias: string;
  /** None deletes the alias. */
  version: VersionNumber | null;
  /** The version that the screen showed with the alias. None if it showed none. */
  expected_version: VersionNumber | null;
}

export interface SetVersionTagRequest {
  name: string;
  version: VersionNumber;
  key: string;
  /** None deletes the tag. */
  value: string | null;
  /** The value that the screen showed. None if it showed none. */
  expected_value: string | null;
}

export interface LineageRequest {
  name: string;
  version: VersionNumber;
  /** How many datasets, and how many requirements, come before the page. */
  offset?: Offset;
  /** The largest number of datasets, and of requirements. */
  limit?: number;
}

export interface LineageReply {
  /** Name and number of the version that this one is a copy of. */
  copied_from: string | null;
  /** Names of the runs that the run is nested in, the nearest first, at most 10. */
  parents: string[];
  /** The values of `source`, `type`, `commit` and `dirty` that are known. */
  code: Record<string, string>;
  /** The source of the cell. */
  cell: string | null;
  datasets: DatasetRow[];
  /** Number of datasets on all pages. */
  dataset_count: number;
  python: string | null;
  requirements: string[];
  /** Number of requirements on all pages. */
  requirement_count: number;
}

export interface RunPageRequest {
  run_id: string;
  /** A part of the names of the params to return, in any case. */
  param_search?: string;
  /** How many of these come before the page. */
  param_offset?: Offset;
  metric_offset?: Offset;
  dataset_offset?: Offset;
  package_offset?: Offset;
  change_offset?: Offset;
}

/** Where a run was started. A field is empty if it is not known. */
export interface RunSource {
  /** The notebook or the script. */
  name: string;
  /** NOTEBOOK, LOCAL or PROJECT. */
  type: string;
  commit: string;
  branch: string;
  repository: string;
  /** Whether files differed from the commit. */
  dirty: boolean;
}

export interface RunCell {
  source: string;
  /** Whether the source is longer. */
  is_cut: boolean;
  /** Empty if it is not known. */
  execution_count: string;
}

export interface RunLink {
  run_id: string;
  run_name: string;
}

export interface PackageRow {
  name: string;
  /** The version that the run imported. */
  version: string;
  /** The version that is installed where the request is answered, usually in the kernel. None if there is none. */
  here: string | null;
}

export interface ModelVersionLink {
  name: string;
  version: number;
  stage: Stage;
  aliases: string[];
}

export interface RunModel {
  path: string;
  flavors: string[];
  /** The time of creation in UTC, as the model's file says it. */
  created: string;
  /** The versions that were registered from it. */
  versions: ModelVersionLink[];
}

export interface RunPageReply {
  /** With a page of at most 200 of the params that were searched for, and of at most 500 metrics. */
  run: RunRow;
  now: number;
  is_deleted: boolean;
  artifact_uri: string;
  /** The first 1,000 tags that the user has set, without those of MLflow and nbtrack. */
  tags: Record<string, string>;
  tag_count: number;
  source: RunSource;
  /** The cell that created the run, if its source was kept. */
  cell: RunCell | null;
  /** The end of the traceback of a failed run. */
  error: string | null;
  /** Why the run ended as KILLED. */
  reason: string | null;
  /** Where the run was imported from. */
  imported: string | null;
  /** The runs that it is nested in, the nearest first, at most 10. */
  parents: RunLink[];
  /** Number of runs that are nested directly in it. */
  child_count: number;
  /** Number of all params. */
  param_count: number;
  /** Number of params whose names have `param_search` in them. */
  found_params: number;
  /** Number of metrics on all pages. */
  metric_count: number;
  /** Panels of the metrics of this page. */
  panels: Panel[];
  system: Panel[];
  /** A page of at most 200 datasets. */
  datasets: DatasetRow[];
  dataset_count: number;
  /** The version of Python. Empty if it is not known. */
  python: string;
  /** The version of Python where the request is answered. */
  python_here: string;
  /** A page of at most 200 packages, those with another version here first. */
  packages: PackageRow[];
  package_count: number;
  /** Number of packages on all pages that have another version here, or none. */
  differing_packages: number;
  /** The first 100 models that the run logged. */
  models: RunModel[];
  model_count: number;
  /** What differs from the cell's previous attempt, or from the run before in the same experiment. */
  changes: Attempt | null;
  /** The first 200 lines of the difference between the sources of their cells. They begin with "+", "-" or " ". */
  code_diff: string[];
}

export interface ArtifactsRequest {
  run_id: string;
  /** The folder. The empty string is the folder of all artifacts. */
  path: string;
  offset?: Offset;
  limit?: number;
}

export interface ArtifactEntry {
  path: string;
  /** The last part of the path, or the key of a series of images. */
  name: string;
  is_dir: boolean;
  /** In bytes. None for a folder and for a series of images. */
  size: number | null;
  /** Number of images, if the entry is a series of images. Its path is that of the last one. */
  steps?: number;
}

export interface ArtifactsReply {
  /** A page of what is directly in the folder. All images of a series are one entry. */
  entries: ArtifactEntry[];
  /** Number of entries on all pages. */
  count: number;
}

export interface ArtifactRequest {
  run_id: string;
  path: string;
  /** Whether the content is asked for, for a download, instead of a preview. */
  whole?: boolean;
}

export interface TablePreview {
  columns: string[];
  /** The first 100 rows. None is a missing value. */
  rows: ((string | null)[])[];
  /** Number of all rows. None if it is not known. */
  row_count: number | null;
  column_count: number;
}

export interface ModelPreview {
  flavors: string[];
  created: string;
  /** The columns or tensors of the signature, one string each. Empty if the model has none. */
  inputs: string[];
  outputs: string[];
  params: string[];
  /** Lines of Python that load the model, with each of its flavors. */
  code: string[];
}

export interface ImageStep {
  path: string;
  step: number;
  time: number;
}

export interface ImageSeries {
  key: string;
  /** By step, the last 1,000. */
  images: ImageStep[];
  count: number;
}

export interface ArtifactReply {
  path: string;
  /** What the preview shows. Nothing of a binary file is sent, and nothing of an image or a page that is too large. */
  kind: "folder" | "model" | "image" | "table" | "text" | "html" | "binary";
  size: number | null;
  modified: number | null;
  /** The text or the HTML. It is as hostile as the run that wrote it. */
  text: string | null;
  /** Whether there is more of the text. */
  is_cut: boolean;
  /** A data URL with the image, or with the content that was asked for. None if it is too large. */
  data: string | null;
  table: TablePreview | null;
  model: ModelPreview | null;
  series: ImageSeries | null;
  /** A line of Python that returns a local path of the artifact. */
  code: string;
}

export interface ErrorReply {
  error_code: string;
  message: string;
  /** What is wrong with a query, in one line. None for any other error. */
  reason: string | null;
  /** The position of the first wrong character of a query, from 0. None for any other error. */
  position: number | null;
  expected: string[];
}

/** The types of the payload and of the reply of each request. */
export interface Requests {
  artifact: { payload: ArtifactRequest; reply: ArtifactReply };
  artifacts: { payload: ArtifactsRequest; reply: ArtifactsReply };
  columns: { payload: ColumnsRequest; reply: ColumnsReply };
  complete: { payload: CompleteRequest; reply: CompleteReply };
  curves: { payload: CurvesRequest; reply: CurvesReply };
  /** Changes the store. */
  delete_version: { payload: DeleteVersionRequest; reply: VersionReply };
  /** Changes the store. */
  delete_view: { payload: DeleteViewRequest; reply: SavedViewsReply };
  diff: { payload: DiffRequest; reply: DiffReply };
  /** Changes the store. */
  edit_run: { payload: EditRunRequest; reply: EditRunReply };
  events: { payload: EventsRequest; reply: EventsReply };
  filters: { payload: FiltersRequest; reply: FiltersReply };
  group_columns: { payload: GroupColumnsRequest; reply: GroupColumnsReply };
  group_curves: { payload: GroupCurvesRequest; reply: GroupCurvesReply };
  groups: { payload: GroupsRequest; reply: GroupsReply };
  /** Changes the store. */
  keep_filter: { payload: KeepFilterRequest; reply: FiltersReply };
  lineage: { payload: LineageRequest; reply: LineageReply };
  live: { payload: LiveRequest; reply: LiveReply };
  matches: { payload: MatchesRequest; reply: MatchesReply };
  preview_transition: { payload: PreviewTransitionRequest; reply: PreviewTransitionReply };
  python: { payload: PythonRequest; reply: PythonReply };
  /** Changes the store. */
  register: { payload: RegisterRequest; reply: VersionReply };
  registry: { payload: RegistryRequest; reply: RegistryReply };
  /** Changes the store. */
  rollback: { payload: RollbackRequest; reply: VersionReply };
  run_page: { payload: RunPageRequest; reply: RunPageReply };
  runs: { payload: RunsRequest; reply: RunsReply };
  /** Changes the store. */
  save_view: { payload: SaveViewRequest; reply: SavedViewsReply };
  saved_views: { payload: SavedViewsRequest; reply: SavedViewsReply };
  /** Changes the store. */
  set_alias: { payload: SetAliasRequest; reply: VersionReply };
  /** Changes the store. */
  set_version_tag: { payload: SetVersionTagRequest; reply: VersionReply };
  /** Changes the store. */
  stop_run: { payload: StopRunRequest; reply: StopRunReply };
  /** Changes the store. */
  transition: { payload: TransitionRequest; reply: VersionReply };
  values: { payload: ValuesRequest; reply: ValuesReply };
  versions: { payload: VersionsRequest; reply: VersionsReply };
}

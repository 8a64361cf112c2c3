// Generated from src/nbtrack/views/contract.py; do not edit. Regenerate with
//   python -m nbtrack.views.typescript > js/contract.ts

export type NonFinite = "NaN" | "Infinity" | "-Infinity";

export type Number = number | NonFinite;

export type Status = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export type Stage = "None" | "Staging" | "Production" | "Archived";

/** Steps, epoch milliseconds, or seconds since the run began. */
export type XAxis = "step" | "time" | "relative";

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

export interface RunsRequest {
  filter: string;
  /** None means the experiments that the screen was opened on. */
  experiment_ids: string[] | null;
  order_by: string[];
  offset: number;
  limit: number;
}

export interface ParamColumn {
  key: string;
  differs: boolean;
}

export interface RunsReply {
  rows: RunRow[];
  /** How many runs match, beyond this page. */
  total: number;
  params: ParamColumn[];
  metrics: string[];
  /** The machine's own metrics, which are no columns. */
  system: string[];
  /** For each metric that has one: the run_id of the best of the matching runs. */
  best: Record<string, string>;
}

export interface CompleteRequest {
  /** A filter that is being written. */
  text: string;
  /** Characters before the cursor: code points, not the UTF-16 units that JavaScript counts. */
  position: number;
}

export interface Completion {
  /** Takes the place of what stands from `start` to `end`. */
  text: string;
  kind: "name" | "function" | "value" | "comparator" | "keyword";
  start: number;
  end: number;
  detail: string;
}

export interface CompleteReply {
  completions: Completion[];
}

export interface CurvesRequest {
  run_ids: string[];
  keys: string[];
  x_axis: XAxis;
  x_min: number | null;
  x_max: number | null;
  /** At most about this many points a series; spikes are kept. */
  max_points: number;
}

export interface Series {
  run_id: string;
  key: string;
  /** Points sent: buffers 2i (x) and 2i + 1 (y) of the i-th series have this length. */
  points: number;
  /** Points in the store within the range. */
  total: number;
}

export interface CurvesReply {
  series: Series[];
}

export interface DiffRequest {
  run_ids: string[];
}

export interface DiffRow {
  /** `system` are the machine's own metrics. */
  section: "param" | "metric" | "dataset" | "tag" | "info" | "system";
  key: string;
  /** One a run, in the order of the request; None where the run has no such key. */
  values: (string | null)[];
  differs: boolean;
}

export interface DiffReply {
  run_ids: string[];
  run_names: string[];
  rows: DiffRow[];
}

export interface LiveRequest {
  run_id: string;
  max_points: number;
}

export interface Panel {
  title: string;
  keys: string[];
}

export interface DatasetRow {
  name: string;
  digest: string;
  context: string | null;
  rows: number | null;
  /** Where the data came from, for a reader; empty where only the code is known. */
  source: string;
}

export interface Change {
  kind: "param" | "metric";
  key: string;
  old: string | null;
  new: string | null;
}

export interface Attempt {
  number: number;
  previous_run_id: string;
  previous_run_name: string;
  changes: Change[];
  code_changed: boolean;
}

export interface Summary {
  key: string;
  last: Number;
  /** The lowest or the highest finite value, as `lower_is_better` says; the last where none is finite. */
  best: Number;
  best_step: number | null;
  /** By the metric's name: a loss, an error, a duration. */
  lower_is_better: boolean;
  points: number;
}

export interface LiveReply {
  run: RunRow;
  /** The kernel's clock, so that elapsed time does not depend on the browser's. */
  now: number;
  panels: Panel[];
  /** The machine's own metrics. */
  system: Panel[];
  datasets: DatasetRow[];
  series: Series[];
  /** One a metric, in the order of the series; none of the machine's own. */
  summary: Summary[];
  /** The last line of the traceback of a failed run. */
  error: string | null;
  attempt: Attempt | null;
}

export interface RegistryRequest {
  /** One model, or all of them. */
  name: string | null;
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
  /** Newest first. */
  versions: VersionRow[];
  /** Newest first. */
  events: EventRow[];
  gates: GateRow[];
}

export interface RegistryReply {
  models: ModelRow[];
}

export interface RegisterRequest {
  run_id: string;
  /** None where the run logged one model only. */
  artifact_path: string | null;
  name: string;
}

export interface TransitionRequest {
  name: string;
  version: number;
  stage: Stage;
  archive_existing_versions: boolean;
  /** Kept in the history; may be empty. */
  reason: string;
  /** Where the screen showed the version, … */
  expected_stage: Stage | null;
  /** … and the versions that it showed in the target stage: nothing happens where that is no longer so. */
  expected_current: number[] | null;
  override_gates: boolean;
}

export interface VersionReply {
  version: VersionRow;
}

export interface LineageRequest {
  name: string;
  version: number;
}

export interface LineageReply {
  /** Name and number of the version that this one is a copy of. */
  copied_from: string | null;
  /** Names of the runs that the run is nested in, the nearest first. */
  parents: string[];
  /** Of `source`, `type`, `commit` and `dirty` what is known. */
  code: Record<string, string>;
  /** The source of the cell. */
  cell: string | null;
  datasets: DatasetRow[];
  python: string | null;
  requirements: string[];
}

export interface ErrorReply {
  error_code: string;
  message: string;
  /** For a wrong query: what is wrong, in one line. */
  reason: string | null;
  /** For a wrong query: the character it is wrong at, from 0. */
  position: number | null;
  expected: string[];
}

/** Each request's name, with the types of its payload and of its reply. */
export interface Requests {
  runs: { payload: RunsRequest; reply: RunsReply };
  complete: { payload: CompleteRequest; reply: CompleteReply };
  curves: { payload: CurvesRequest; reply: CurvesReply };
  diff: { payload: DiffRequest; reply: DiffReply };
  live: { payload: LiveRequest; reply: LiveReply };
  registry: { payload: RegistryRequest; reply: RegistryReply };
  register: { payload: RegisterRequest; reply: VersionReply };
  transition: { payload: TransitionRequest; reply: VersionReply };
  lineage: { payload: LineageRequest; reply: LineageReply };
}

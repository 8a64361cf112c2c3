import { batch, computed, signal } from '@preact/signals';
import type { BaselineRow, ColumnsReply, ColumnView, ParamColumn, RunsReply, Number as Value } from '../contract';
import { type Column, type Names, shownColumns, withColumn } from '../logic/column_model';
import { type Part, same, type View } from './view';

/** The largest number of params, and of metrics, in a reply to a new query. */
export const COLUMNS = 60;

/** The run that the others are compared with, with the values that were read of it. */
export type BaselineRun = BaselineRow;

/** The columns of the run table: which there are, and how the user changed them. */
export class ColumnState {
  readonly params = signal<ParamColumn[]>([]);
  readonly metrics = signal<string[]>([]);
  /** System metrics. They have curves like the others, but no columns. */
  readonly system = signal<string[]>([]);
  /** For each metric that has been in sight, the best value. */
  readonly best = signal<ReadonlyMap<string, Value>>(new Map());
  /** The metrics for which lower is better, and those of which this is only a guess. */
  readonly lower = signal<ReadonlySet<string>>(new Set());
  readonly guessed = signal<ReadonlySet<string>>(new Set());
  /** The values of the run that the others are compared with. */
  readonly baseline = signal<BaselineRun | null>(null);
  /** Whether params that are the same in every run have a column too. */
  readonly allParams: Part<boolean>;
  /** The columns that are not as they are by default. */
  readonly changed: Part<ColumnView[]>;
  private readonly groupBy: Part<string | null>;
  /** How many there are, loaded or not. */
  readonly counts = signal({ params: 0, differing: 0, metrics: 0, system: 0 });
  /** Whether one of the rows that have been in sight logged a model. */
  readonly models = signal(false);
  /** Whether there is a single run, which cannot differ from another one, or be the best of several. */
  readonly alone = signal(false);
  readonly names = computed(
    (): Names => ({
      params: this.params.value,
      metrics: this.metrics.value,
      lower: this.lower.value,
      models: this.models.value,
      grouped: this.groupBy.value !== null,
    }),
  );
  /** The columns of the table, from left to right. */
  readonly shown = computed(() =>
    shownColumns(this.names.value, this.alone.value || this.allParams.value, this.changed.value),
  );
  /** Return the run that the others are compared with if it is this one. It may be on a page that has not been read. */
  baselineRow(run_id: string): BaselineRun | null {
    const row = this.baseline.value;
    return row?.run_id === run_id ? row : null;
  }

  /** How many params are the same in every run. */
  readonly constant = computed(() => this.counts.value.params - this.counts.value.differing);
  /** How many columns of params and metrics have names, and how many there are. */
  readonly loaded = computed(() => {
    const all = this.alone.value || this.allParams.value;
    return this.params.value.filter((param) => all || param.differs).length + this.metrics.value.length;
  });
  readonly total = computed(() => {
    const { params, differing, metrics } = this.counts.value;
    return (this.alone.value || this.allParams.value ? params : differing) + metrics;
  });
  /** Whether the names of all columns have been loaded. */
  readonly complete = computed(() => {
    const { params, metrics, system } = this.counts.value;
    return (
      this.metrics.value.length >= metrics && this.params.value.length >= params && this.system.value.length >= system
    );
  });

  constructor(view: View) {
    this.allParams = view.part('all_params');
    this.changed = view.part('columns');
    this.groupBy = view.part('group_by');
  }

  /** Take over the columns of a reply to a new query. */
  put(reply: RunsReply): void {
    const { params, metrics, system } = reply;
    const counts = {
      params: reply.param_count ?? params.length,
      differing: reply.differing_count ?? params.filter((param) => param.differs).length,
      metrics: reply.metric_count ?? metrics.length,
      system: reply.system_count ?? system.length,
    };
    // The reply has only the first of very many names. All of them are known if none has been added since.
    const isKnown =
      this.complete.peek() &&
      same(counts, this.counts.peek()) &&
      (counts.params > params.length || counts.metrics > metrics.length);
    batch(() => {
      if (!isKnown) {
        this.params.value = params;
        this.metrics.value = metrics;
        this.lower.value = new Set(reply.lower_is_better);
        this.guessed.value = new Set();
      }
      this.system.value = system;
      this.best.value = new Map();
      this.models.value = false;
      this.alone.value = reply.total === 1;
      this.counts.value = counts;
      this.putValues(reply);
    });
  }

  /** Take over what a reply says about the columns that it has. */
  putValues(reply: RunsReply): void {
    this.models.value ||= reply.rows.some((row) => row.models.length > 0);
    this.best.value = new Map([...this.best.peek(), ...Object.entries(reply.best_values ?? bestOf(reply))]);
    this.putBaseline(reply.baseline);
  }

  /** Take over the values of the run that the others are compared with. */
  putBaseline(baseline: BaselineRun | null | undefined): void {
    if (baseline) {
      const { params, metrics, statistics } =
        this.baseline.peek()?.run_id === baseline.run_id ? this.baseline.peek()! : EMPTY;
      this.baseline.value = {
        ...baseline,
        params: { ...params, ...baseline.params },
        metrics: { ...metrics, ...baseline.metrics },
        statistics: { ...statistics, ...baseline.statistics },
      };
    }
  }

  /** Return the columns that the table will show once it has taken over a reply to a new query. */
  shownWith({ params, metrics, lower_is_better, total }: RunsReply): Column[] {
    const grouped = this.groupBy.peek() !== null;
    const names = { params, metrics, lower: new Set(lower_is_better), models: false, grouped };
    return shownColumns(names, total === 1 || this.allParams.peek(), this.changed.peek());
  }

  /** Take over the names of all columns. */
  putNames(reply: ColumnsReply): void {
    batch(() => {
      this.params.value = reply.params;
      this.metrics.value = reply.metrics;
      this.lower.value = new Set(reply.lower_is_better);
      this.guessed.value = new Set(reply.guessed);
    });
  }

  change(id: string, change: Partial<ColumnView>): void {
    this.changed.value = withColumn(this.changed.peek(), id, change);
  }

  /** Move a column by a number of places among those that are pinned, or among those that are not. */
  move(id: string, by: number): void {
    const column = this.shown.peek().find((each) => each.id === id);
    const group = this.shown.peek().filter((each) => each.pinned === column?.pinned);
    const to = group.findIndex((each) => each.id === id) + by;
    if (column && to >= 0 && to < group.length) {
      this.change(id, { before: group[by > 0 ? to + 1 : to]?.id ?? '' });
    }
  }

  /** Return the column with this ID if it is shown. */
  column(id: string): Column | undefined {
    return this.shown.value.find((each) => each.id === id);
  }
}

const EMPTY = { params: {}, metrics: {}, statistics: {} };

/** Return the best values of a notebook that was saved with the IDs of the best runs instead. */
function bestOf(reply: RunsReply): Record<string, Value> {
  const rows = new Map(reply.rows.map((row) => [row.run_id, row]));
  const found = Object.entries(reply.best).map(([key, id]) => [key, rows.get(id)?.metrics[key]] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

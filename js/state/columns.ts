import { batch, computed, signal } from '@preact/signals';
import type { ParamColumn, RunsReply } from '../contract';
import type { Part, View } from './view';

/** The largest number of params, and of metrics, in one request. */
export const COLUMNS = 200;

/** The params and metrics of the runs that match, as far as they have been loaded. */
export class ColumnState {
  readonly params = signal<ParamColumn[]>([]);
  readonly metrics = signal<string[]>([]);
  /** System metrics. They have curves like the others, but no columns. */
  readonly system = signal<string[]>([]);
  /** For each metric, the ID of the run with the best value. */
  readonly best = signal<Record<string, string>>({});
  /** Whether params that are the same in every run have a column too. */
  readonly allParams: Part<boolean>;
  /** How many there are, loaded or not. */
  readonly counts = signal({ params: 0, differing: 0, metrics: 0, system: 0 });
  /** Whether there is a single run, which cannot differ from another one, or be the best of several. */
  readonly alone = signal(false);
  /** The params that have a column. */
  readonly shown = computed(() =>
    this.params.value.filter((param) => this.alone.value || this.allParams.value || param.differs),
  );
  /** How many params are the same in every run. */
  readonly constant = computed(() => this.counts.value.params - this.counts.value.differing);
  /** How many columns have been loaded, and how many there are. */
  readonly loaded = computed(() => this.shown.value.length + this.metrics.value.length);
  readonly total = computed(() => {
    const { params, differing, metrics } = this.counts.value;
    return (this.alone.value || this.allParams.value ? params : differing) + metrics;
  });
  /** Whether all metrics have been loaded. */
  readonly complete = computed(() => {
    const { metrics, system } = this.counts.value;
    return this.metrics.value.length >= metrics && this.system.value.length >= system;
  });

  constructor(view: View) {
    this.allParams = view.part('all_params');
  }

  put(reply: RunsReply): void {
    const { params, metrics, system } = reply;
    batch(() => {
      this.params.value = params;
      this.metrics.value = metrics;
      this.system.value = system;
      this.best.value = reply.best;
      this.alone.value = reply.total === 1;
      this.counts.value = {
        params: reply.param_count ?? params.length,
        differing: reply.differing_count ?? params.filter((param) => param.differs).length,
        metrics: reply.metric_count ?? metrics.length,
        system: reply.system_count ?? system.length,
      };
    });
  }
}

/** How many pages of columns there are. */
export function columnPages({ param_count = 0, metric_count = 0, system_count = 0 }: RunsReply): number {
  return Math.max(1, Math.ceil(Math.max(param_count, metric_count, system_count) / COLUMNS));
}

/** Join replies with the same rows and consecutive pages of columns. */
export function joinColumns([first, ...others]: RunsReply[]): RunsReply {
  return others.reduce(withColumns, first!);
}

function withColumns(whole: RunsReply, page: RunsReply): RunsReply {
  const rows = new Map(page.rows.map((row) => [row.run_id, row]));
  return {
    ...whole,
    rows: whole.rows.map((row) => {
      const more = rows.get(row.run_id);
      return {
        ...row,
        params: { ...row.params, ...more?.params },
        metrics: { ...row.metrics, ...more?.metrics },
        nested_best: { ...row.nested_best, ...more?.nested_best },
      };
    }),
    params: unique([...whole.params, ...page.params], (param) => param.key),
    metrics: unique([...whole.metrics, ...page.metrics], String),
    system: unique([...whole.system, ...page.system], String),
    best: { ...whole.best, ...page.best },
  };
}

/** Drop repeated items: a run may log a new metric between two requests, which moves another one to the next page. */
function unique<T>(items: T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

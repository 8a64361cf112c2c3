import { batch, computed, effect, type Signal, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { Completion, ErrorReply, ParamColumn, RunRow, RunsReply, RunsRequest, TableRow } from '../contract';
import { clause, type Order, parseClause } from '../logic/order';
import { pagesOf } from '../logic/window';

export const PAGE = 200;

/** What a request of the table asks for. */
interface Wanted {
  filter: string;
  order: Order | null;
  grouped: boolean;
  unfolded: ReadonlySet<string>;
}

/** What the comparison shows: the applied query, the rows that were fetched, the ticked runs and their colours. */
export class ComparisonState {
  readonly order = signal<Order | null>(null);
  readonly pages = signal<ReadonlyMap<number, TableRow[]>>(new Map());
  /** The first rows, by which columns are as wide as they are. */
  readonly sample = signal<TableRow[]>([]);
  /** Rows of the table: the runs that match, without what is folded away. */
  readonly count = signal(0);
  readonly total = signal(0);
  /** How many of the runs are nested in others of them. */
  readonly nested = signal(0);
  readonly grouped = signal(true);
  readonly unfolded = signal<ReadonlySet<string>>(new Set());
  readonly params = signal<ParamColumn[]>([]);
  readonly metrics = signal<string[]>([]);
  /** The machine's own metrics: curves like the others, but no columns. */
  readonly system = signal<string[]>([]);
  readonly best = signal<Record<string, string>>({});
  /** Whether params that are the same in every run have a column too. */
  readonly allParams = signal(false);
  readonly loaded = signal(false);
  readonly busy = signal(false);
  readonly error = signal<ErrorReply | null>(null);
  /** A place in line colours for each ticked run; a run keeps its own as long as it is ticked. */
  readonly slots = computed(() => this.assign(this.selected.value));

  private readonly seen = new Map<string, RunRow>();
  private assigned: ReadonlyMap<string, number> = new Map();
  private readonly loading = new Set<number>();
  private controller = new AbortController();
  private orderBy: string[];
  private applied: string;
  /** What the last request asked for: a sort that is asked while a filter is on its way means both. */
  private wanted: Wanted;

  constructor(
    readonly connection: Connection,
    readonly filter: Signal<string>,
    readonly selected: Signal<string[]>,
    orderBy: string[] = [],
    unfolded: string[] = [],
  ) {
    this.orderBy = orderBy;
    this.applied = filter.peek();
    this.order.value = parseClause(orderBy[0]);
    this.unfolded.value = new Set(unfolded);
    this.wanted = this.shown();
    const first = connection.first('runs');
    if (first) {
      this.take(first.reply, 0);
    }
  }

  /** Asks for the first page of a query. The old table stays until the answer is there, and when it is an error. */
  async apply(filter: string = this.wanted.filter, order: Order | null = this.wanted.order): Promise<void> {
    await this.ask({ ...this.wanted, filter, order }, 0);
  }

  /** Puts nested runs under their parents, or all runs in one order. */
  group(grouped: boolean): void {
    void this.ask({ ...this.wanted, grouped }, 0);
  }

  /** Shows or hides what is nested in the run of a row. The page of that row comes first, so that nothing jumps. */
  fold(index: number, open: boolean): void {
    const row = this.row(index);
    if (row && row.children > 0) {
      const others = [...this.wanted.unfolded].filter((id) => id !== row.run_id);
      const unfolded = new Set(open ? [...others, row.run_id] : others);
      void this.ask({ ...this.wanted, unfolded }, this.busy.peek() ? 0 : Math.floor(index / PAGE));
    }
  }

  private async ask(wanted: Wanted, page: number): Promise<void> {
    this.wanted = wanted;
    this.controller.abort();
    this.controller = new AbortController();
    this.loading.clear();
    const { filter, order } = wanted;
    const orderBy = order ? [clause(order), ...this.orderBy.slice(1)] : this.orderBy;
    this.busy.value = true;
    try {
      const request = this.asking(wanted, orderBy, page * PAGE);
      const { reply } = await this.connection.request('runs', request, this.controller.signal);
      batch(() => {
        this.orderBy = orderBy;
        this.order.value = order;
        this.grouped.value = wanted.grouped;
        this.unfolded.value = wanted.unfolded;
        this.applied = filter;
        this.filter.value = filter;
        this.error.value = null;
        this.pages.value = new Map();
        this.take(reply, page);
      });
    } catch (cause) {
      if (isAbort(cause)) {
        return;
      }
      this.error.value = RequestError.of(cause).reply;
      this.wanted = this.shown();
    }
    this.busy.value = false;
  }

  /** Queries again when the filter is set from Python. Returns how to stop. */
  follow(): () => void {
    return effect(() => {
      const filter = this.filter.value;
      if (filter !== this.applied) {
        this.applied = filter;
        void this.apply(filter);
      }
    });
  }

  async complete(text: string, position: number, signal: AbortSignal): Promise<Completion[]> {
    const { reply } = await this.connection.request('complete', { text, position }, signal);
    return reply.completions;
  }

  sort(order: Order): void {
    void this.apply(undefined, order);
  }

  row(index: number): TableRow | undefined {
    return this.pages.value.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  run(run_id: string): RunRow | undefined {
    return this.seen.get(run_id);
  }

  /** Fetches the pages of rows `first` to `end` that are not there. */
  ensure(first: number, end: number): void {
    for (const page of pagesOf(first, end, PAGE)) {
      if (!this.pages.peek().has(page) && !this.loading.has(page)) {
        this.loading.add(page);
        void this.fetch(page);
      }
    }
  }

  toggle(run_id: string, on: boolean = !this.selected.peek().includes(run_id)): void {
    const others = this.selected.peek().filter((id) => id !== run_id);
    this.selected.value = on ? [...others, run_id] : others;
  }

  stop(): void {
    this.controller.abort();
  }

  private async fetch(page: number): Promise<void> {
    const request = this.asking(this.shown(), this.orderBy, page * PAGE);
    const { signal } = this.controller;
    try {
      const { reply } = await this.connection.request('runs', request, signal);
      if (!signal.aborted) {
        this.take(reply, page);
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
  }

  private shown(): Wanted {
    return {
      filter: this.filter.peek(),
      order: this.order.peek(),
      grouped: this.grouped.peek(),
      unfolded: this.unfolded.peek(),
    };
  }

  private asking({ filter, grouped, unfolded }: Wanted, order_by: string[], offset: number): RunsRequest {
    return { filter, experiment_ids: null, order_by, grouped, unfolded: [...unfolded], offset, limit: PAGE };
  }

  private take(reply: RunsReply, page: number): void {
    reply.rows.forEach((row) => this.seen.set(row.run_id, row));
    batch(() => {
      this.pages.value = new Map(this.pages.peek()).set(page, reply.rows);
      this.count.value = reply.count;
      this.total.value = reply.total;
      this.nested.value = reply.nested;
      if (page === 0) {
        this.sample.value = reply.rows;
        this.params.value = reply.params;
        this.metrics.value = reply.metrics;
        this.system.value = reply.system;
        this.best.value = reply.best;
      }
      this.loaded.value = true;
    });
  }

  private assign(selected: string[]): ReadonlyMap<string, number> {
    const kept = new Map([...this.assigned].filter(([id]) => selected.includes(id)));
    const taken = new Set(kept.values());
    let free = 0;
    for (const id of selected) {
      if (!kept.has(id)) {
        while (taken.has(free)) {
          free += 1;
        }
        taken.add(free);
        kept.set(id, free);
      }
    }
    this.assigned = kept;
    return kept;
  }
}

import { batch, computed, effect, type Signal, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { Completion, ErrorReply, ParamColumn, RunRow, RunsReply, RunsRequest } from '../contract';
import { clause, type Order, parseClause } from '../logic/order';
import { pagesOf } from '../logic/window';

export const PAGE = 200;

/** What the comparison shows: the applied query, the rows that were fetched, the ticked runs and their colours. */
export class ComparisonState {
  readonly order = signal<Order | null>(null);
  readonly pages = signal<ReadonlyMap<number, RunRow[]>>(new Map());
  readonly total = signal(0);
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
  private wanted: { filter: string; order: Order | null };

  constructor(
    readonly connection: Connection,
    readonly filter: Signal<string>,
    readonly selected: Signal<string[]>,
    orderBy: string[] = [],
  ) {
    this.orderBy = orderBy;
    this.applied = filter.peek();
    this.order.value = parseClause(orderBy[0]);
    this.wanted = { filter: this.applied, order: this.order.peek() };
    const first = connection.first('runs');
    if (first) {
      this.take(first.reply, 0);
    }
  }

  /** Asks for the first page of a query. The old table stays until the answer is there, and when it is an error. */
  async apply(filter: string = this.wanted.filter, order: Order | null = this.wanted.order): Promise<void> {
    this.wanted = { filter, order };
    this.controller.abort();
    this.controller = new AbortController();
    this.loading.clear();
    const orderBy = order ? [clause(order), ...this.orderBy.slice(1)] : this.orderBy;
    this.busy.value = true;
    try {
      const { reply } = await this.connection.request('runs', this.asking(filter, orderBy, 0), this.controller.signal);
      batch(() => {
        this.orderBy = orderBy;
        this.order.value = order;
        this.applied = filter;
        this.filter.value = filter;
        this.error.value = null;
        this.pages.value = new Map();
        this.take(reply, 0);
      });
    } catch (cause) {
      if (isAbort(cause)) {
        return;
      }
      this.error.value = RequestError.of(cause).reply;
      this.wanted = { filter: this.filter.peek(), order: this.order.peek() };
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

  row(index: number): RunRow | undefined {
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
    const request = this.asking(this.filter.peek(), this.orderBy, page * PAGE);
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

  private asking(filter: string, order_by: string[], offset: number): RunsRequest {
    return { filter, experiment_ids: null, order_by, offset, limit: PAGE };
  }

  private take(reply: RunsReply, page: number): void {
    reply.rows.forEach((row) => this.seen.set(row.run_id, row));
    batch(() => {
      this.pages.value = new Map(this.pages.peek()).set(page, reply.rows);
      this.total.value = reply.total;
      if (page === 0) {
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

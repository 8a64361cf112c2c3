import { batch, effect, signal } from '@preact/signals';
import { isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, RunsReply, RunsRequest } from '../contract';
import type { CachedConnection } from '../data/cached';
import { type Column, metricId } from '../logic/column_model';
import { type Order, quoted } from '../logic/order';
import { COLUMNS, type ColumnState } from './columns';
import { PAGE, type RunPages } from './pages';
import { folded, isRequestOf, orderOf, type Query, type QueryState, sorted } from './query';
import type { Part } from './view';

/** Fetches the rows of queries. What is shown changes only when the answer to a query has arrived. */
export class RunSearch {
  readonly busy = signal(false);
  readonly error = signal<ErrorReply | null>(null);

  /** The pages of the shown query that are being fetched, each with the columns. */
  private readonly loading = new Map<number, Set<string>>();
  /** The filter of the runs whose columns are known. Null if all columns are to be read again. */
  private known: string | null = null;
  /** The columns in sight, and a few beside them. */
  private inSight: readonly Column[] = [];
  /** The page of the first row in sight. */
  private visible = 0;
  /** Ends the request for a new query. */
  private controller = new AbortController();
  /** Ends the requests for pages of the shown query, which another query replaces. */
  private paging = new AbortController();
  /** The query of the last request. Sorting while a filter is being applied keeps that filter. */
  private wanted: Query;

  constructor(
    private readonly connection: CachedConnection,
    private readonly query: QueryState,
    private readonly pages: RunPages,
    private readonly columns: ColumnState,
    private readonly baseline: Part<string | null>,
  ) {
    this.wanted = query.peek();
    const first = connection.first('runs');
    // The view may have changed since the snapshot was taken, and a saved comparison has no other rows.
    if (first && (!connection.live || isRequestOf(this.wanted, first.payload, first.reply.nested))) {
      this.put(first.reply, 0, null);
    }
  }

  /** Fetch the rows that match a filter. The current filter, which is the default, is applied again to the store. */
  async apply(filter: string = this.wanted.filter): Promise<void> {
    if (filter === this.wanted.filter) {
      this.connection.forget();
    }
    this.known = null;
    await this.send({ ...this.wanted, filter });
  }

  /** Fetch the rows in sight again, because the store has changed. A query that is on its way is newer anyway. */
  async update(): Promise<void> {
    if (!this.busy.peek()) {
      this.known = null;
      await this.send(this.wanted, this.visible);
    }
  }

  /** Sort by a column, with `add` in addition to the columns that the table is sorted by. */
  sort(order: Order, add = false): void {
    void this.send(sorted(this.wanted, order, add));
  }

  /** Show nested runs under their parents, or all runs in one order. */
  group(grouped: boolean): void {
    void this.send({ ...this.wanted, grouped });
  }

  /** Show or hide the runs that are nested in the run of a row. */
  fold(index: number, open: boolean): void {
    const row = this.pages.row(index);
    if (row && row.children > 0) {
      // Fetching the page of that row first keeps the table where it is.
      void this.send(folded(this.wanted, row.run_id, open), this.busy.peek() ? 0 : Math.floor(index / PAGE));
    }
  }

  /** Fetch what is missing of rows `first` to `end` and of the columns in sight. */
  ensure(first: number, end: number, columns: readonly Column[]): void {
    this.inSight = columns;
    this.visible = Math.floor(first / PAGE);
    const byId = new Map(columns.map((column) => [column.id, column]));
    for (const { page, columns: ids } of this.pages.missing(first, end, idsOf(columns))) {
      const loading = this.loading.get(page) ?? new Set();
      const missing = ids.filter((id) => !loading.has(id));
      if (missing.length > 0 || !this.loading.has(page)) {
        this.loading.set(page, new Set([...loading, ...missing]));
        void this.fetch(
          page,
          missing.map((id) => byId.get(id)!),
        );
      }
    }
  }

  /** Query again whenever the query is set from Python or on another screen. Returns a function that ends this. */
  follow(): () => void {
    let baseline = this.baseline.peek();
    return effect(() => {
      const query = this.query.take();
      const isOther = baseline !== this.baseline.value;
      baseline = this.baseline.value;
      if (query !== null || isOther) {
        void this.send(query ?? this.wanted);
      }
    });
  }

  stop(): void {
    this.controller.abort();
    this.paging.abort();
  }

  private async send(query: Query, page = 0): Promise<void> {
    // An order changes neither which columns there are nor their best values, so only those in sight are read.
    const columns = query.filter === this.known && this.inSight.length > 0 ? this.inSight : null;
    this.wanted = query;
    this.controller.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.busy.value = true;
    try {
      const { reply } = await this.connection.request('runs', this.payload(query, page, columns), signal);
      batch(() => {
        this.query.set(query);
        this.error.value = null;
        // Pages that are still on their way have rows of the previous query.
        this.paging.abort();
        this.paging = new AbortController();
        this.loading.clear();
        this.put(reply, page, columns, true);
      });
      this.known = query.filter;
    } catch (cause) {
      if (isAbort(cause)) {
        return;
      }
      this.error.value = RequestError.of(cause).reply;
      this.wanted = this.query.peek();
    }
    this.busy.value = false;
  }

  private async fetch(page: number, columns: readonly Column[]): Promise<void> {
    const { signal } = this.paging;
    try {
      const { reply } = await this.connection.request('runs', this.payload(this.query.peek(), page, columns), signal);
      if (!signal.aborted) {
        this.put(reply, page, columns);
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
    if (!signal.aborted) {
      const loading = this.loading.get(page);
      for (const { id } of columns) {
        loading?.delete(id);
      }
      if (!loading || loading.size === 0) {
        this.loading.delete(page);
      }
    }
  }

  /** Fetch the names of all columns if a reply has only the first of them. */
  private async fetchNames(query: Query, signal: AbortSignal): Promise<void> {
    try {
      const payload = { filter: query.filter, experiment_ids: null, order_by: orderOf(query) };
      const { reply } = await this.connection.request('columns', payload, signal);
      if (!signal.aborted) {
        this.columns.putNames(reply);
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
  }

  /** Return the request for a page of rows with these columns. Null asks for the first columns of a new query. */
  private payload(query: Query, page: number, columns: readonly Column[] | null): RunsRequest {
    const keys = (kind: Column['kind'], of = columns ?? []) => [
      ...new Set(of.filter((column) => column.kind === kind).map((column) => column.key)),
    ];
    const statistics = (columns ?? []).filter((column) => column.statistic !== 'last');
    return {
      filter: query.filter,
      experiment_ids: null,
      order_by: orderOf(query),
      grouped: query.grouped,
      unfolded: [...query.unfolded],
      offset: page * PAGE,
      limit: PAGE,
      baseline: this.baseline.peek(),
      ...(columns === null
        ? { column_limit: COLUMNS }
        : { params: keys('param'), metrics: keys('metric'), statistics: keys('metric', statistics) }),
    };
  }

  /** Show a reply. `columns` are those that it was asked for, null for those of a new query. */
  private put(reply: RunsReply, page: number, columns: readonly Column[] | null, replace = false): void {
    batch(() => {
      if (columns === null) {
        this.columns.put(reply);
        // Until the table says which of the new columns are in sight.
        this.inSight = [];
        if (this.connection.live && !this.columns.complete.peek()) {
          void this.fetchNames(this.wanted, this.paging.signal);
        }
      } else {
        this.columns.putValues(reply);
      }
      const params = reply.params.map(({ key }) => quoted('params', key));
      const metrics = reply.metrics.map((key) => metricId(key, 'last'));
      this.pages.put(reply, page, columns === null ? [...params, ...metrics] : idsOf(columns), replace);
    });
  }
}

/** Return the IDs of the columns whose values are requested. Those of runs come with every row. */
function idsOf(columns: readonly Column[]): string[] {
  return columns.filter((column) => column.kind !== 'run').map((column) => column.id);
}

import { batch, effect, signal } from '@preact/signals';
import { isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, GroupStatistic, RunsReply, RunsRequest } from '../contract';
import type { CachedConnection } from '../data/cached';
import { type Column, metricId } from '../logic/column_model';
import { type Order, quoted } from '../logic/order';
import type { ColumnState } from './columns';
import type { GroupSearch } from './group_search';
import type { GroupPages } from './groups';
import { Loading } from './loading';
import { PAGE, type RunPages } from './pages';
import { folded, isRequestOf, type Query, type QueryState, sorted } from './query';
import { idsOf, runsRequest } from './runs_request';
import type { Selection } from './selection';
import { same } from './view';

/** Fetches the rows of queries. What is shown changes only when the answer to a query has arrived. */
export class RunSearch {
  readonly busy = signal(false);
  readonly error = signal<ErrorReply | null>(null);

  /** The pages of the shown query that are being fetched. */
  private readonly loading = new Loading<number>();
  /** The filter of the runs whose columns are known. Null if all columns are to be read again. */
  private known: string | null = null;
  /** The columns that a reply to that filter has summarized: which values differ, and the best ones. */
  private readonly summarized = new Set<string>();
  /** The columns in sight, and a few beside them. */
  private inSight: readonly Column[] = [];
  /** The first row in sight. */
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
    private readonly selection: Selection,
    private readonly groups: GroupPages,
    private readonly groupSearch: GroupSearch,
  ) {
    this.wanted = query.peek();
    const first = connection.first('runs');
    // The view may have changed since the snapshot was taken, and a saved comparison has no other rows.
    if (first && (!connection.live || isRequestOf(this.wanted, first.payload, first.reply.nested))) {
      this.put(first.reply, 0, null);
      this.groupSearch.putFirst(this.wanted);
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
      await this.send(this.wanted, this.visible, true);
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

  /** Group the runs by the values of a column. Null shows the runs themselves. */
  groupBy(column: string | null): void {
    void this.send({ ...this.wanted, group_by: column });
  }

  /** Show a statistic of groups, and sort them by that of a column if the table is sorted by one. */
  sortGroups(statistic: GroupStatistic, order?: Order): void {
    const query = { ...this.wanted, group_statistic: statistic };
    void this.send(order ? sorted(query, order) : query);
  }

  /** Show or hide the runs of the group in a row, or those that are nested in its run. */
  fold(index: number, open: boolean): void {
    if (this.groups.by.peek() !== null) {
      const item = this.groups.item(index);
      if (item && item.run === null) {
        this.groups.fold(item.group.key, open);
      }
      return;
    }
    const row = this.pages.row(index);
    if (row && row.children > 0) {
      // Fetching the page of that row first keeps the table where it is.
      void this.send(folded(this.wanted, row.run_id, open), this.busy.peek() ? 0 : index);
    }
  }

  /** Fetch what is missing of rows `first` to `end` and of the columns in sight. */
  ensure(first: number, end: number, columns: readonly Column[]): void {
    this.inSight = columns;
    this.visible = first;
    const failed = (error: ErrorReply) => (this.error.value = error);
    if (this.groups.by.peek() !== null) {
      this.groupSearch.ensure(this.query.peek(), first, end, columns, this.paging.signal, failed);
      return;
    }
    const byId = new Map(columns.map((column) => [column.id, column]));
    for (const { page, columns: ids } of this.pages.missing(first, end, idsOf(columns))) {
      const missing = this.loading.claim(page, ids);
      if (missing) {
        void this.fetch(
          page,
          missing.map((id) => byId.get(id)!),
        );
      }
    }
  }

  /** Query again whenever the query is set from Python or on another screen. Returns a function that ends this. */
  follow(): () => void {
    const { baseline, baselineGroup } = this.selection;
    let before = [baseline.peek(), baselineGroup.peek()];
    return effect(() => {
      const query = this.query.take();
      const now = [baseline.value, baselineGroup.value];
      const isOther = !same(before, now);
      before = now;
      if (query !== null || isOther) {
        void this.send(query ?? this.wanted, query === null ? this.visible : 0, query === null);
      }
    });
  }

  stop(): void {
    this.controller.abort();
    this.paging.abort();
  }

  /** Show a query from a row on. With `keep`, it is the query that is shown already. */
  private async send(query: Query, row = 0, keep = false): Promise<void> {
    // An order changes neither which columns there are nor their best values, so only those in sight are read.
    const columns = query.filter === this.known && this.inSight.length > 0 ? this.inSight : null;
    const by = this.groupSearch.columnOf(query);
    this.wanted = query;
    this.controller.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.busy.value = true;
    try {
      const page = by === null ? Math.floor(row / PAGE) : 0;
      // While the columns are known, groups need no page of runs.
      const runs =
        by === null || columns === null
          ? (await this.connection.request('runs', this.payload(query, page, columns), signal)).reply
          : null;
      const wanted = columns ?? this.groupSearch.first(runs ? this.columns.shownWith(runs) : []);
      const groups = by === null ? null : await this.groupSearch.requestAt(query, by, row, wanted, signal);
      batch(() => {
        this.query.set(query);
        this.error.value = null;
        // Pages that are still on their way have rows of the previous query.
        this.paging.abort();
        this.paging = new AbortController();
        this.loading.clear();
        if (runs) {
          this.put(runs, page, columns, true);
        }
        if (groups && by !== null) {
          this.groupSearch.put(groups.reply, by, groups.page, wanted, keep && by === this.groups.by.peek());
        } else {
          this.groups.clear();
        }
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
      this.loading.release(
        page,
        columns.map(({ id }) => id),
      );
    }
  }

  /** Fetch the names of all columns if a reply has only the first of them. */
  private async fetchNames(query: Query, signal: AbortSignal): Promise<void> {
    try {
      const payload = { filter: query.filter, experiment_ids: null, order_by: [...query.sorts] };
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

  private payload(query: Query, page: number, columns: readonly Column[] | null): RunsRequest {
    const isKnown = idsOf(columns ?? []).every((id) => this.summarized.has(id));
    return runsRequest(query, page, columns, isKnown, this.selection);
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
      this.groups.putBaseline(reply.baseline_group);
      if (columns === null) {
        this.summarized.clear();
      }
      const params = reply.params.map(({ key }) => quoted('params', key));
      const metrics = reply.metrics.map((key) => metricId(key, 'last'));
      const ids = columns === null ? [...params, ...metrics] : idsOf(columns);
      for (const id of ids) {
        this.summarized.add(id);
      }
      this.pages.put(reply, page, ids, replace);
    });
  }
}

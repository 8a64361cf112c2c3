import { batch, effect, signal } from '@preact/signals';
import { isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, GroupStatistic, GroupsReply, RunsReply, RunsRequest } from '../contract';
import type { CachedConnection } from '../data/cached';
import { type Column, metricId } from '../logic/column_model';
import { type Order, quoted } from '../logic/order';
import type { BaselineSearch } from './baseline';
import { COLUMNS, type ColumnState } from './columns';
import type { GroupSearch } from './group_search';
import { GROUP_PAGE, type GroupPages } from './groups';
import { Loading } from './loading';
import { PAGE, type RunPages } from './pages';
import { folded, isRequestOf, type Query, type QueryState, sorted } from './query';
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
    private readonly baselineSearch: BaselineSearch,
  ) {
    this.wanted = query.peek();
    const first = connection.first('runs');
    // The view may have changed since the snapshot was taken, and a saved comparison has no other rows.
    if (first && (!connection.live || isRequestOf(this.wanted, first.payload, first.reply.nested))) {
      this.put(first.reply, 0, null);
      this.putFirstGroups();
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
    this.baselineSearch.ensure(columns, this.paging.signal, failed);
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
    const by = this.groupColumn(query);
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
      const groups = by === null ? null : await this.requestGroups(query, by, row, runs, columns, signal);
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
          this.putGroups(groups.reply, by, groups.page, groups.columns, keep && by === this.groups.by.peek());
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

  /** Return the column whose groups are shown. A notebook that was saved without groups shows the runs. */
  private groupColumn({ group_by: by }: Query): string | null {
    return this.connection.live || this.connection.first('groups')?.payload.by === by ? by : null;
  }

  /** Request a page of groups, with the columns in sight, or with the first ones if these are not known yet. */
  private async requestGroups(
    query: Query,
    by: string,
    row: number,
    runs: RunsReply | null,
    known: readonly Column[] | null,
    signal: AbortSignal,
  ): Promise<{ reply: GroupsReply; page: number; columns: readonly Column[] }> {
    const columns = known ?? this.groupSearch.first(runs ? this.columns.shownWith(runs) : []);
    const at = by === this.groups.by.peek() ? this.groups.placeOf(row).group : 0;
    const page = Math.floor(at / GROUP_PAGE);
    const { reply } = await this.groupSearch.request(query, by, page, columns, signal);
    return { reply, page, columns };
  }

  private putGroups(reply: GroupsReply, by: string, page: number, columns: readonly Column[], keep: boolean): void {
    this.groupSearch.put(reply, by, page, columns, keep);
    this.columns.putBaseline(reply.baseline);
  }

  /** Show the groups of the snapshot, if it has those of the query. */
  private putFirstGroups(): void {
    const { group_by: by } = this.wanted;
    const first = by === null ? undefined : this.connection.first('groups');
    if (by !== null && first && first.payload.by === by && first.payload.filter === this.wanted.filter) {
      const asked = new Set([
        ...first.payload.metrics.map((key) => metricId(key, 'last')),
        ...first.payload.params.map((key) => quoted('params', key)),
        ...(first.payload.columns ?? []),
      ]);
      this.putGroups(
        first.reply,
        by,
        0,
        this.columns.shown.peek().filter(({ id }) => asked.has(id)),
        false,
      );
    }
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

  /** Return the request for a page of rows with these columns. Null asks for the first columns of a new query. */
  private payload(query: Query, page: number, columns: readonly Column[] | null): RunsRequest {
    const keys = (kind: Column['kind'], of = columns ?? []) => [
      ...new Set(of.filter((column) => column.kind === kind).map((column) => column.key)),
    ];
    const statistics = (columns ?? []).filter((column) => column.statistic !== 'last');
    const key = this.selection.baselineGroup.peek();
    return {
      filter: query.filter,
      experiment_ids: null,
      order_by: [...query.sorts],
      grouped: query.grouped,
      unfolded: [...query.unfolded],
      offset: page * PAGE,
      limit: PAGE,
      baseline: this.selection.baseline.peek(),
      ...(query.group_by !== null && key !== null && { baseline_group: { by: query.group_by, key } }),
      ...(columns === null
        ? { column_limit: COLUMNS }
        : {
            params: keys('param'),
            metrics: keys('metric'),
            statistics: keys('metric', statistics),
            // The summary takes the kernel as long as the rows, and is the same in any order.
            summary: idsOf(columns).some((id) => !this.summarized.has(id)),
          }),
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

/** Return the IDs of the columns whose values are requested. Those of runs come with every row. */
function idsOf(columns: readonly Column[]): string[] {
  return columns.filter((column) => column.kind !== 'run').map((column) => column.id);
}

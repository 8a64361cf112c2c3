import { type Answer, type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, GroupsReply, GroupsRequest } from '../contract';
import { type Column, metricId } from '../logic/column_model';
import { quoted } from '../logic/order';
import type { ColumnState } from './columns';
import { GROUP_PAGE, type GroupPages, nameOf, type PageOfGroups } from './groups';
import { Loading } from './loading';
import { PAGE } from './pages';
import type { Query } from './query';
import type { Selection } from './selection';

/** The largest number of params and of metrics whose values are requested before the table says which are in sight. */
const FIRST_COLUMNS = 24;

/** Fetches groups, and the runs of those that are unfolded. */
export class GroupSearch {
  /** The pages that are being fetched. */
  private readonly loading = new Loading<string>();

  constructor(
    private readonly connection: Connection,
    private readonly groups: GroupPages,
    private readonly columns: ColumnState,
    private readonly selection: Selection,
  ) {}

  /** Return the column whose groups are shown. A notebook that was saved without groups shows the runs. */
  columnOf({ group_by: by }: Query): string | null {
    return this.connection.live || this.connection.first('groups')?.payload.by === by ? by : null;
  }

  /** Request the page of groups that has a row of the table, with the values of some columns. */
  async requestAt(
    query: Query,
    by: string,
    row: number,
    columns: readonly Column[],
    signal: AbortSignal,
  ): Promise<{ reply: GroupsReply; page: number }> {
    const at = by === this.groups.by.peek() ? this.groups.placeOf(row).group : 0;
    const page = Math.floor(at / GROUP_PAGE);
    const { reply } = await this.request(query, by, page, columns, signal);
    return { reply, page };
  }

  private request(
    query: Query,
    by: string,
    page: number,
    columns: readonly Column[],
    signal: AbortSignal,
  ): Promise<Answer<'groups'>> {
    return this.connection.request('groups', this.payload(query, by, page, columns), signal);
  }

  /** Return those of the first columns of a query whose values are requested with it. */
  first(columns: readonly Column[]): Column[] {
    const of = (kind: Column['kind']) => columns.filter((column) => column.kind === kind).slice(0, FIRST_COLUMNS);
    return [...of('param'), ...of('metric'), ...of('run')];
  }

  /** Show the answer to a query. With `keep`, the runs below the groups stay until they have been read again. */
  put(reply: GroupsReply, by: string, page: number, columns: readonly Column[], keep: boolean): void {
    this.loading.clear();
    this.groups.put(reply, by, page, idsOf(columns), true, keep);
    this.columns.putBaseline(reply.baseline);
  }

  /** Show the groups of the snapshot, if it has those of the query. */
  putFirst({ group_by: by, filter }: Query): void {
    const first = by === null ? undefined : this.connection.first('groups');
    if (by !== null && first && first.payload.by === by && first.payload.filter === filter) {
      const asked = new Set([
        ...first.payload.metrics.map((key) => metricId(key, 'last')),
        ...first.payload.params.map((key) => quoted('params', key)),
        ...(first.payload.columns ?? []),
      ]);
      const columns = this.columns.shown.peek().filter(({ id }) => asked.has(id));
      this.put(first.reply, by, 0, columns, false);
    }
  }

  /** Fetch what is missing of rows `first` to `end` and of the columns in sight. */
  ensure(
    query: Query,
    first: number,
    end: number,
    columns: readonly Column[],
    signal: AbortSignal,
    failed: (error: ErrorReply) => void,
  ): void {
    const by = this.groups.by.peek();
    if (by === null) {
      return;
    }
    const byId = new Map(columns.map((column) => [column.id, column]));
    for (const { columns: ids, ...page } of this.groups.missing(first, end, idsOf(columns))) {
      const missing = this.loading.claim(nameOf(page), ids);
      if (missing) {
        const wanted = missing.map((id) => byId.get(id)!);
        void this.fetch(query, by, page, wanted, signal).catch((cause) => {
          if (!isAbort(cause)) {
            failed(RequestError.of(cause).reply);
          }
        });
      }
    }
  }

  private async fetch(
    query: Query,
    by: string,
    place: PageOfGroups,
    columns: readonly Column[],
    signal: AbortSignal,
  ): Promise<void> {
    const { key, page } = place;
    try {
      if (key === null) {
        const { reply } = await this.request(query, by, page, columns, signal);
        if (!signal.aborted) {
          this.groups.put(reply, by, page, idsOf(columns));
          this.columns.putBaseline(reply.baseline);
        }
      } else {
        const metrics = columns.filter(({ kind }) => kind === 'metric');
        const { reply } = await this.connection.request(
          'runs',
          {
            filter: query.filter,
            experiment_ids: null,
            order_by: [...query.sorts],
            grouped: false,
            unfolded: [],
            offset: page * PAGE,
            limit: PAGE,
            group: { by, key },
            // The best values are those of all runs.
            summary: false,
            params: keysOf(columns.filter(({ kind }) => kind === 'param')),
            metrics: keysOf(metrics),
            statistics: keysOf(metrics.filter(({ statistic }) => statistic !== 'last')),
          },
          signal,
        );
        if (!signal.aborted) {
          this.groups.putRuns(reply, key, page, idsOf(columns));
        }
      }
    } finally {
      if (!signal.aborted) {
        this.loading.release(
          nameOf(place),
          columns.map(({ id }) => id),
        );
      }
    }
  }

  private payload(query: Query, by: string, page: number, columns: readonly Column[]): GroupsRequest {
    const metrics = columns.filter(({ kind }) => kind === 'metric');
    const isLast = ({ statistic }: Column) => statistic === 'last';
    return {
      filter: query.filter,
      experiment_ids: null,
      by,
      order_by: [...query.sorts],
      statistic: query.group_statistic,
      offset: page * GROUP_PAGE,
      limit: GROUP_PAGE,
      params: keysOf(columns.filter(({ kind }) => kind === 'param')),
      metrics: keysOf(metrics.filter(isLast)),
      columns: otherColumns(columns),
      baseline: this.selection.baseline.peek(),
      statistics: keysOf(metrics.filter((column) => !isLast(column))),
      baseline_group: this.selection.baselineGroup.peek(),
    };
  }
}

/** Return the IDs of columns other than params and last values that are summarized for groups. */
export function otherColumns(columns: readonly Column[]): string[] {
  const isSummarized = ({ kind, key, statistic, sortable }: Column) =>
    kind === 'metric' ? statistic !== 'last' && sortable : kind === 'run' && key === 'duration';
  return columns.filter(isSummarized).map(({ id }) => id);
}

/** Return the IDs of the columns whose values are requested for groups and runs. */
function idsOf(columns: readonly Column[]): string[] {
  return columns.filter(({ kind, key }) => kind !== 'run' || key === 'duration').map(({ id }) => id);
}

function keysOf(columns: readonly Column[]): string[] {
  return [...new Set(columns.map(({ key }) => key))];
}

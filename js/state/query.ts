import { computed } from '@preact/signals';
import type { GroupStatistic, RunsRequest } from '../contract';
import { clause, type Order, parseClause } from '../logic/order';
import { type Part, same, type View } from './view';

/** What the table shows, as plain data: a request for its rows, without the page. */
export interface Query {
  filter: string;
  /** The clauses that the user sorts by. */
  sorts: readonly string[];
  /** The column by whose values the runs are grouped. */
  group_by: string | null;
  group_statistic: GroupStatistic;
  grouped: boolean;
  unfolded: readonly string[];
}

/** The query of the rows that are shown: filter, order and folding. */
export class QueryState {
  readonly filter: Part<string>;
  /** The columns that the table is sorted by, and their directions. The most important one comes first. */
  readonly orders = computed(() => this.sorts.value.map(parseClause).filter((order): order is Order => order !== null));

  /** What the rows of groups show, and are sorted by if the table is sorted by a metric. */
  readonly statistic: Part<GroupStatistic>;

  /** The column by whose values the runs are grouped. */
  readonly groupBy: Part<string | null>;

  private readonly sorts: Part<string[]>;
  private readonly query: Part<Query>;
  private applied: Query;

  /** The view may be changed from outside (by Python, or by another screen); `take` tells if it was. */
  constructor(view: View) {
    this.filter = view.part('query');
    this.sorts = view.part('sorts');
    this.groupBy = view.part('group_by');
    this.statistic = view.part('group_statistic');
    this.query = view.derived(
      ({ query, sorts, group_by, group_statistic, grouped, unfolded }): Query => ({
        filter: query,
        sorts,
        group_by,
        group_statistic,
        grouped,
        unfolded,
      }),
      ({ filter, sorts, group_by, group_statistic, grouped, unfolded }, view) => ({
        query: filter,
        sorts: [...sorts],
        group_by,
        group_statistic,
        grouped,
        unfolded: [...unfolded],
        // The keys of groups belong to the column that they were grouped by.
        ...(group_by !== view.group_by && { selected_groups: [], unfolded_groups: [], baseline_group: null }),
      }),
    );
    this.applied = this.query.peek();
  }

  peek(): Query {
    return this.query.peek();
  }

  /** Show this query, once its rows are there. */
  set(query: Query): void {
    this.applied = query;
    this.query.value = query;
  }

  /** Return the query if it was set from outside since the last call or the last query, else null. */
  take(): Query | null {
    const query = this.query.value;
    if (same(query, this.applied)) {
      return null;
    }
    this.applied = query;
    return query;
  }
}

/** Return whether a request asks for the rows of this query. In `nested` it says how many runs are nested in others. */
export function isRequestOf(query: Query, request: RunsRequest, nested: number): boolean {
  const tree = nested > 0 ? [query.grouped, query.grouped ? query.unfolded : []] : [];
  const asked = nested > 0 ? [request.grouped, request.grouped ? request.unfolded : []] : [];
  return same([query.filter, query.sorts, ...tree], [request.filter, request.order_by, ...asked]);
}

/** Sort a query by a column: by this one alone, or with `add` after those that the table is already sorted by. */
export function sorted(query: Query, order: Order, add = false): Query {
  const { sorts } = query;
  const place = sorts.findIndex((text) => parseClause(text)?.column === order.column);
  const at = place < 0 ? sorts.length : place;
  return { ...query, sorts: add ? [...sorts.slice(0, at), clause(order), ...sorts.slice(at + 1)] : [clause(order)] };
}

/** Show or hide the runs that are nested in a run. */
export function folded(query: Query, run_id: string, open: boolean): Query {
  const others = query.unfolded.filter((id) => id !== run_id);
  return { ...query, unfolded: open ? [...others, run_id] : others };
}

import { batch, computed, type Signal, signal } from '@preact/signals';
import { clause, type Order, parseClause } from '../logic/order';
import type { Folding } from './folding';

/** What the table shows, as plain data: a request for its rows, without the page. */
export interface Query {
  filter: string;
  order_by: readonly string[];
  grouped: boolean;
  unfolded: readonly string[];
}

/** The query of the rows that are shown: filter, order and folding. */
export class QueryState {
  /** The column that the table is sorted by, and its direction. */
  readonly order = computed(() => parseClause(this.orderBy.value[0]));

  private readonly orderBy: Signal<readonly string[]>;
  private applied: string;

  /** `filter` may be set from outside (by Python); `takeFilter` tells if it was. */
  constructor(
    readonly filter: Signal<string>,
    private readonly folding: Folding,
    orderBy: readonly string[] = [],
  ) {
    this.orderBy = signal(orderBy);
    this.applied = filter.peek();
  }

  peek(): Query {
    return {
      filter: this.filter.peek(),
      order_by: this.orderBy.peek(),
      grouped: this.folding.grouped.peek(),
      unfolded: [...this.folding.unfolded.peek()],
    };
  }

  /** Show this query, once its rows are there. */
  set({ filter, order_by, grouped, unfolded }: Query): void {
    batch(() => {
      this.applied = filter;
      this.filter.value = filter;
      this.orderBy.value = order_by;
      this.folding.grouped.value = grouped;
      this.folding.unfolded.value = new Set(unfolded);
    });
  }

  /** Return the filter if it was set from outside since the last call or the last query, else null. */
  takeFilter(): string | null {
    const filter = this.filter.value;
    if (filter === this.applied) {
      return null;
    }
    this.applied = filter;
    return filter;
  }
}

/** Sort a query by a column. The clauses after the first one still apply to rows that are equal. */
export function sorted(query: Query, order: Order): Query {
  return { ...query, order_by: [clause(order), ...query.order_by.slice(1)] };
}

/** Show or hide the runs that are nested in a run. */
export function folded(query: Query, run_id: string, open: boolean): Query {
  const others = query.unfolded.filter((id) => id !== run_id);
  return { ...query, unfolded: open ? [...others, run_id] : others };
}

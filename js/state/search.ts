import { batch, effect, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, RunsReply, RunsRequest } from '../contract';
import type { Order } from '../logic/order';
import type { ColumnState } from './columns';
import { PAGE, type RunPages } from './pages';
import { folded, type Query, type QueryState, sorted } from './query';

/** Fetches the rows of queries. What is shown changes only when the answer to a query has arrived. */
export class RunSearch {
  readonly busy = signal(false);
  readonly error = signal<ErrorReply | null>(null);

  /** The pages of the shown query that are being fetched. */
  private readonly loading = new Set<number>();
  /** Ends the request for a new query. */
  private controller = new AbortController();
  /** Ends the requests for pages of the shown query, which another query replaces. */
  private paging = new AbortController();
  /** The query of the last request. Sorting while a filter is being applied keeps that filter. */
  private wanted: Query;

  constructor(
    private readonly connection: Connection,
    private readonly query: QueryState,
    private readonly pages: RunPages,
    private readonly columns: ColumnState,
  ) {
    this.wanted = query.peek();
    const first = connection.first('runs');
    if (first) {
      this.put(first.reply, 0);
    }
  }

  /** Fetch the rows that match a filter. By default, the current filter is applied again. */
  async apply(filter: string = this.wanted.filter): Promise<void> {
    await this.send({ ...this.wanted, filter });
  }

  sort(order: Order): void {
    void this.send(sorted(this.wanted, order));
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

  /** Fetch the pages of rows `first` to `end` that have not been fetched. */
  ensure(first: number, end: number): void {
    for (const page of this.pages.missing(first, end)) {
      if (!this.loading.has(page)) {
        this.loading.add(page);
        void this.fetch(page);
      }
    }
  }

  /** Query again whenever the filter is set from Python. Returns a function that ends this. */
  follow(): () => void {
    return effect(() => {
      const filter = this.query.takeFilter();
      if (filter !== null) {
        void this.apply(filter);
      }
    });
  }

  stop(): void {
    this.controller.abort();
    this.paging.abort();
  }

  private async send(query: Query, page = 0): Promise<void> {
    this.wanted = query;
    this.controller.abort();
    this.controller = new AbortController();
    this.busy.value = true;
    try {
      const { reply } = await this.connection.request('runs', request(query, page), this.controller.signal);
      batch(() => {
        this.query.set(query);
        this.error.value = null;
        // Pages that are still on their way have rows of the previous query.
        this.paging.abort();
        this.paging = new AbortController();
        this.loading.clear();
        this.put(reply, page, true);
      });
    } catch (cause) {
      if (isAbort(cause)) {
        return;
      }
      this.error.value = RequestError.of(cause).reply;
      this.wanted = this.query.peek();
    }
    this.busy.value = false;
  }

  private async fetch(page: number): Promise<void> {
    const { signal } = this.paging;
    try {
      const { reply } = await this.connection.request('runs', request(this.query.peek(), page), signal);
      if (!signal.aborted) {
        this.put(reply, page);
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
    if (!signal.aborted) {
      this.loading.delete(page);
    }
  }

  private put(reply: RunsReply, page: number, replace = false): void {
    batch(() => {
      this.pages.put(reply, page, replace);
      if (page === 0) {
        this.columns.put(reply);
      }
    });
  }
}

function request({ filter, order_by, grouped, unfolded }: Query, page: number): RunsRequest {
  return {
    filter,
    experiment_ids: null,
    order_by: [...order_by],
    grouped,
    unfolded: [...unfolded],
    offset: page * PAGE,
    limit: PAGE,
  };
}

import { batch, effect, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, RunsReply, RunsRequest } from '../contract';
import type { Order } from '../logic/order';
import { COLUMNS, type ColumnState, columnPages, joinColumns } from './columns';
import { PAGE, type RunPages } from './pages';
import { folded, isRequestOf, orderOf, type Query, type QueryState, sorted } from './query';

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
  /** How many pages of columns are shown. */
  private columnPages = 1;
  /** The page of the first row in sight. */
  private visible = 0;
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
    // The view may have changed since the snapshot was taken, and a saved comparison has no other rows.
    if (first && (!connection.live || isRequestOf(this.wanted, first.payload, first.reply.nested))) {
      this.put(first.reply, 0);
    }
  }

  /** Fetch the rows that match a filter. By default, the current filter is applied again. */
  async apply(filter: string = this.wanted.filter): Promise<void> {
    await this.send({ ...this.wanted, filter });
  }

  /** Fetch the rows in sight again, because the store has changed. A query that is on its way is newer anyway. */
  async update(): Promise<void> {
    if (!this.busy.peek()) {
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

  /** Load the next page of columns. */
  async moreColumns(): Promise<void> {
    await this.send(this.wanted, this.busy.peek() ? 0 : this.visible, this.columnPages + 1);
  }

  /** Fetch the pages of rows `first` to `end` that have not been fetched. */
  ensure(first: number, end: number): void {
    this.visible = Math.floor(first / PAGE);
    for (const page of this.pages.missing(first, end)) {
      if (!this.loading.has(page)) {
        this.loading.add(page);
        void this.fetch(page);
      }
    }
  }

  /** Query again whenever the query is set from Python or on another screen. Returns a function that ends this. */
  follow(): () => void {
    return effect(() => {
      const query = this.query.take();
      if (query !== null) {
        void this.send(query);
      }
    });
  }

  stop(): void {
    this.controller.abort();
    this.paging.abort();
  }

  private async send(query: Query, page = 0, columnPages = this.columnPages): Promise<void> {
    this.wanted = query;
    this.controller.abort();
    this.controller = new AbortController();
    this.busy.value = true;
    try {
      const reply = await this.ask(query, page, columnPages, this.controller.signal);
      batch(() => {
        this.query.set(query);
        this.error.value = null;
        // Pages that are still on their way have rows of the previous query.
        this.paging.abort();
        this.paging = new AbortController();
        this.loading.clear();
        this.put(reply, page, true, columnPages);
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
      const reply = await this.ask(this.query.peek(), page, this.columnPages, signal);
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

  /** Request a page of rows with all pages of columns that are shown. */
  private async ask(query: Query, page: number, columnPages: number, signal: AbortSignal): Promise<RunsReply> {
    const pages = Array.from({ length: columnPages }, (_, columns) => request(query, page, columns));
    const answers = await Promise.all(pages.map((payload) => this.connection.request('runs', payload, signal)));
    return joinColumns(answers.map(({ reply }) => reply));
  }

  private put(reply: RunsReply, page: number, replace = false, pagesOfColumns = this.columnPages): void {
    batch(() => {
      const isWider = pagesOfColumns !== this.columnPages;
      this.pages.put(reply, page, replace, page === 0 || isWider);
      if (page === 0 || isWider) {
        this.columns.put(reply);
        this.columnPages = Math.min(pagesOfColumns, columnPages(reply));
      }
    });
  }
}

function request(query: Query, page: number, columns: number): RunsRequest {
  return {
    filter: query.filter,
    experiment_ids: null,
    order_by: orderOf(query),
    grouped: query.grouped,
    unfolded: [...query.unfolded],
    offset: page * PAGE,
    limit: PAGE,
    column_offset: columns * COLUMNS,
    column_limit: COLUMNS,
  };
}

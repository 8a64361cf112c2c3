import { batch, signal } from '@preact/signals';
import type { RunRow, RunsReply, TableRow } from '../contract';
import { pagesOf } from '../logic/window';

export const PAGE = 200;

/** The rows that have been fetched, by page, and how many there are in all. */
export class RunPages {
  readonly loaded = signal(false);
  /** Rows of the table: the runs that match, without those that are folded away. */
  readonly count = signal(0);
  /** Runs that match. */
  readonly total = signal(0);
  /** How many of these are nested in another one of them. */
  readonly nested = signal(0);
  /** The rows of one page, as a rule the first, which give the columns their width. */
  readonly sample = signal<TableRow[]>([]);
  /** Fetched pages by number. */
  readonly pages = signal<ReadonlyMap<number, TableRow[]>>(new Map());
  /** How many queries have been answered. What depends on the store, not on the page, is read again with each. */
  readonly queries = signal(0);

  private readonly seen = new Map<string, RunRow>();

  row(index: number): TableRow | undefined {
    return this.pages.value.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** A run that was in one of the replies so far, even if it no longer matches. */
  run(run_id: string): RunRow | undefined {
    // The name of a run is known as soon as its page has been fetched.
    void this.pages.value;
    return this.seen.get(run_id);
  }

  /** Whether a run is known not to match: all rows have been fetched, none is folded away, and it is in none of them. */
  isOutside(run_id: string): boolean {
    const pages = [...this.pages.value.values()];
    const fetched = pages.reduce((sum, rows) => sum + rows.length, 0);
    return fetched >= this.total.value && !pages.some((rows) => rows.some((row) => row.run_id === run_id));
  }

  /** The pages of rows `first` to `end` that have not been fetched. */
  missing(first: number, end: number): number[] {
    return pagesOf(first, end, PAGE).filter((page) => !this.pages.peek().has(page));
  }

  /**
   * Add a page. With `replace`, the other pages are dropped, because they belong to an earlier query. With `isSample`,
   * its rows give the columns their width.
   */
  put(reply: RunsReply, page: number, replace = false, isSample = page === 0): void {
    for (const row of reply.rows) {
      this.seen.set(row.run_id, row);
    }
    batch(() => {
      this.queries.value += Number(replace);
      this.pages.value = new Map(replace ? [] : this.pages.peek()).set(page, reply.rows);
      this.count.value = reply.count;
      this.total.value = reply.total;
      this.nested.value = reply.nested;
      if (isSample) {
        this.sample.value = reply.rows;
      }
      this.loaded.value = true;
    });
  }
}

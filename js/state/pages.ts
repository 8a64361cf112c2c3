import { batch, signal } from '@preact/signals';
import type { Hint, RunsReply, TableRow } from '../contract';
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
  /** The rows of one page, as a rule the first, which say whether the values of a column are numbers. */
  readonly sample = signal<TableRow[]>([]);
  /** Fetched pages by number. */
  readonly pages = signal<ReadonlyMap<number, TableRow[]>>(new Map());
  /** If no run matches, the keys of the filter that no run has. */
  readonly hints = signal<Hint[]>([]);
  /** How many queries have been answered. What depends on the store, not on the page, is read again with each. */
  readonly queries = signal(0);

  /** The IDs of the columns whose values each page has. */
  private columns = new Map<number, Set<string>>();
  private readonly seen = new Map<string, TableRow>();

  row(index: number): TableRow | undefined {
    return this.pages.value.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** A run that was in one of the replies so far, even if it no longer matches. */
  run(run_id: string): TableRow | undefined {
    // The name of a run is known as soon as its page has been fetched.
    void this.pages.value;
    return this.seen.get(run_id);
  }

  /** Return rows with the values of other columns that are known of their runs, and keep them for `run`. */
  remember(rows: readonly TableRow[]): TableRow[] {
    // Values that are to be read again are shown until then, so that no cell is empty in between.
    const known = rows.map((row) => joined(this.seen.get(row.run_id), row));
    for (const row of known) {
      this.seen.set(row.run_id, row);
    }
    return known;
  }

  /** Return the IDs of the runs on the pages that have been fetched with the values of a column. */
  having(column: string): Set<string> {
    const pages = [...this.pages.value].filter(([page]) => this.columns.get(page)?.has(column));
    return new Set(pages.flatMap(([, rows]) => rows.map(({ run_id }) => run_id)));
  }

  /** Whether a run is known not to match: all rows have been fetched, none is folded away, and it is in none of them. */
  isOutside(run_id: string): boolean {
    const pages = [...this.pages.value.values()];
    const fetched = pages.reduce((sum, rows) => sum + rows.length, 0);
    return fetched >= this.total.value && !pages.some((rows) => rows.some((row) => row.run_id === run_id));
  }

  /** The pages of rows `first` to `end`, each with those of the columns that it lacks. */
  missing(first: number, end: number, columns: readonly string[]): { page: number; columns: string[] }[] {
    return pagesOf(first, end, PAGE)
      .map((page) => ({ page, columns: columns.filter((id) => !this.columns.get(page)?.has(id)) }))
      .filter(({ page, columns }) => columns.length > 0 || !this.pages.peek().has(page));
  }

  /**
   * Add a page, or the values of more columns to it. With `replace`, the other pages are dropped, because they belong to
   * an earlier query.
   */
  put(reply: RunsReply, page: number, columns: readonly string[], replace = false): void {
    const before = replace ? undefined : this.pages.peek().get(page);
    const rows = this.remember(reply.rows);
    if (replace) {
      this.columns = new Map();
    }
    const known = hasSame(before, reply.rows, (row) => row.run_id) ? this.columns.get(page) : undefined;
    this.columns.set(page, new Set([...(known ?? []), ...columns]));
    batch(() => {
      this.queries.value += Number(replace);
      this.pages.value = new Map(replace ? [] : this.pages.peek()).set(page, rows);
      this.count.value = reply.count;
      this.total.value = reply.total;
      this.nested.value = reply.nested;
      this.hints.value = reply.hints ?? [];
      if (page === 0 || replace) {
        this.sample.value = rows;
      }
      this.loaded.value = true;
    });
  }
}

/** Return whether a page has the same rows as before. One may have been added to the store since it was fetched. */
export function hasSame<T>(before: readonly T[] | undefined, rows: readonly T[], idOf: (row: T) => string): boolean {
  return before?.length === rows.length && rows.every((row, i) => idOf(row) === idOf(before[i]!));
}

function joined(row: TableRow | undefined, more: TableRow): TableRow {
  if (!row) {
    return more;
  }
  return {
    ...more,
    params: { ...row.params, ...more.params },
    metrics: { ...row.metrics, ...more.metrics },
    nested_best: { ...row.nested_best, ...more.nested_best },
    statistics: { ...row.statistics, ...more.statistics },
  };
}

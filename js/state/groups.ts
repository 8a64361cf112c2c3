import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { GroupRow, GroupsReply, RunsReply, TableRow } from '../contract';
import { openGroups, type Place, placeOf, rowOfGroup } from '../logic/group_layout';
import { hasSame, PAGE, type RunPages } from './pages';
import type { Part, View } from './view';

export const GROUP_PAGE = 100;

/** A page of groups, or of the runs of a group. */
export interface PageOfGroups {
  /** The key of the group whose runs it has. Null for groups. */
  key: string | null;
  page: number;
}

/** The groups that have been fetched, by page, with the runs of those that are unfolded. */
export class GroupPages {
  /** The column by whose values the rows are grouped. Null if the table shows runs. */
  readonly by = signal<string | null>(null);
  /** The number of groups. */
  readonly total = signal(0);
  /** The key of the best group of each metric that has been in sight. */
  readonly best = signal<ReadonlyMap<string, string>>(new Map());
  /** The group that the others are compared with. */
  readonly baseline = signal<GroupRow | null>(null);
  readonly pages = signal<ReadonlyMap<number, GroupRow[]>>(new Map());
  /** The keys of the groups whose runs are shown. */
  readonly unfolded: ReadonlySignal<ReadonlySet<string>>;
  /** The number of rows of the table. */
  readonly count = computed(() => this.total.value + this.open.value.reduce((sum, { count }) => sum + count, 0));

  private readonly runs = signal<ReadonlyMap<string, ReadonlyMap<number, TableRow[]>>>(new Map());
  private readonly keys: Part<string[]>;
  /** How many runs the groups have of which some have been read. The store may have changed since the groups were read. */
  private readonly sizes = signal<ReadonlyMap<string, number>>(new Map());
  private readonly open = computed(() =>
    openGroups(this.pages.value, GROUP_PAGE, this.unfolded.value, this.sizes.value),
  );
  /** The IDs of the columns whose values each page has. */
  private columns = new Map<string, Set<string>>();
  private readonly seen = new Map<string, GroupRow>();

  constructor(
    view: View,
    private readonly known: RunPages,
  ) {
    this.keys = view.part('unfolded_groups');
    this.unfolded = computed(() => new Set(this.keys.value));
  }

  /** Show or hide the runs of a group. */
  fold(key: string, open: boolean): void {
    const others = this.keys.peek().filter((each) => each !== key);
    this.keys.value = open ? [...others, key] : others;
  }

  /** Return the group or the run in a row of the table, or undefined if it has not been fetched. */
  item(row: number): { group: GroupRow; run: TableRow | null } | undefined {
    const { group: at, run: place } = this.placeOf(row);
    const group = this.pages.value.get(Math.floor(at / GROUP_PAGE))?.[at % GROUP_PAGE];
    if (!group || place === null) {
      return group && { group, run: null };
    }
    const run = this.runs.value.get(group.key)?.get(Math.floor(place / PAGE))?.[place % PAGE];
    return run && { group, run };
  }

  /** Return the first runs of the groups that are unfolded, as far as they have been read. */
  runsBelow(most: number): TableRow[] {
    const runs = this.runs.value;
    return this.keys.value.flatMap((key) => runs.get(key)?.get(0)?.slice(0, most) ?? []).slice(0, most);
  }

  placeOf(row: number): Place {
    return placeOf(this.open.value, row);
  }

  /** Return the row of the table in which the group of a row is. */
  rowAbove(row: number): number {
    return rowOfGroup(this.open.value, this.placeOf(row).group);
  }

  /** Return a group that was in one of the replies so far. */
  group(key: string): GroupRow | undefined {
    void this.pages.value;
    return this.seen.get(key);
  }

  /** Return the group that the others are compared with if it is this one. It may be on a page that has not been read. */
  baselineRow(key: string): GroupRow | null {
    const row = this.baseline.value;
    return row?.key === key ? row : null;
  }

  /** Return the keys of the groups on the pages that have been fetched with the values of a column. */
  having(column: string): Set<string> {
    const pages = [...this.pages.value].filter(([page]) => this.columns.get(nameOf({ key: null, page }))?.has(column));
    return new Set(pages.flatMap(([, groups]) => groups.map(({ key }) => key)));
  }

  /** Return the pages of rows `first` to `end`, each with those of the columns that it lacks. */
  missing(first: number, end: number, columns: readonly string[]): (PageOfGroups & { columns: string[] })[] {
    const wanted = new Map<string, PageOfGroups>();
    for (let row = first; row < end; row += 1) {
      const { group: at, run } = this.placeOf(row);
      const groups = { key: null, page: Math.floor(at / GROUP_PAGE) };
      wanted.set(nameOf(groups), groups);
      const group = this.pages.value.get(groups.page)?.[at % GROUP_PAGE];
      if (group && run !== null) {
        const runs = { key: group.key, page: Math.floor(run / PAGE) };
        wanted.set(nameOf(runs), runs);
      }
    }
    return [...wanted.values()]
      .map((page) => ({ ...page, columns: columns.filter((id) => !this.columns.get(nameOf(page))?.has(id)) }))
      .filter((page) => page.columns.length > 0 || !this.columns.has(nameOf(page)));
  }

  /**
   * Add a page of groups, or the values of more columns to it. With `replace`, the other pages are dropped, because they
   * belong to an earlier query. With `keep`, the runs below the groups are shown until they have been read again.
   */
  put(reply: GroupsReply, by: string, page: number, columns: readonly string[], replace = false, keep = false): void {
    const name = nameOf({ key: null, page });
    if (by !== this.by.peek()) {
      this.seen.clear();
      this.baseline.value = null;
    }
    const before = replace ? undefined : this.pages.peek().get(page);
    const rows = reply.groups.map((row) => joined(this.seen.get(row.key), row));
    for (const row of rows) {
      this.seen.set(row.key, row);
    }
    if (replace) {
      this.columns = new Map();
    }
    const known = hasSame(before, reply.groups, (row) => row.key) ? this.columns.get(name) : undefined;
    this.columns.set(name, new Set([...(known ?? []), ...columns]));
    batch(() => {
      this.by.value = by;
      this.total.value = reply.count;
      this.pages.value = new Map(replace ? [] : this.pages.peek()).set(page, rows);
      this.best.value = new Map([...(replace ? [] : this.best.peek()), ...Object.entries(reply.best)]);
      if (replace) {
        this.sizes.value = new Map();
        this.runs.value = keep ? this.runs.peek() : new Map();
      }
      this.putBaseline(reply.baseline_group);
    });
  }

  /** Add a page of the runs of a group, or the values of more columns to it. */
  putRuns(reply: RunsReply, key: string, page: number, columns: readonly string[]): void {
    const name = nameOf({ key, page });
    const before = this.runs.peek().get(key)?.get(page);
    const rows = this.known.remember(reply.rows);
    const known = hasSame(before, reply.rows, (row) => row.run_id) ? this.columns.get(name) : undefined;
    this.columns.set(name, new Set([...(known ?? []), ...columns]));
    const pages = new Map(this.runs.peek().get(key) ?? []).set(page, rows);
    batch(() => {
      this.runs.value = new Map(this.runs.peek()).set(key, pages);
      this.sizes.value = new Map(this.sizes.peek()).set(key, reply.count);
    });
  }

  /** Take over the values of the group that the others are compared with. */
  putBaseline(baseline: GroupRow | null | undefined): void {
    if (baseline) {
      const last = this.baseline.peek();
      this.baseline.value = joined(last?.key === baseline.key ? last : undefined, baseline);
    }
  }

  /** Show runs instead of groups. */
  clear(): void {
    if (this.by.peek() === null) {
      return;
    }
    batch(() => {
      this.by.value = null;
      this.pages.value = new Map();
      this.runs.value = new Map();
      this.total.value = 0;
    });
    this.columns.clear();
    this.seen.clear();
  }
}

/** Return a page as a string, by which it is looked up. */
export function nameOf({ key, page }: PageOfGroups): string {
  return key === null ? `${page}` : `${page} ${key}`;
}

function joined(row: GroupRow | undefined, more: GroupRow): GroupRow {
  if (!row) {
    return more;
  }
  // A param that was the same in all runs may differ by now, and the other way around.
  const isOther = (key: string) => !(key in more.params) && !(key in more.differing);
  const kept = <T>(values: Record<string, T>) =>
    Object.fromEntries(Object.entries(values).filter(([key]) => isOther(key)));
  return {
    ...more,
    params: { ...kept(row.params), ...more.params },
    differing: { ...kept(row.differing), ...more.differing },
    metrics: { ...row.metrics, ...more.metrics },
    columns: { ...row.columns, ...more.columns },
  };
}

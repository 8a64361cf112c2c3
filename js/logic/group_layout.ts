/** A group whose runs are shown below it, and where. */
export interface OpenGroup {
  key: string;
  /** The position of the group among all groups. */
  at: number;
  /** The number of its runs. */
  count: number;
  /** The row of the group in the table. Its runs are in the rows below. */
  row: number;
}

/** Where a row of the table is: in which group, and which of its runs. The row of the group itself has no run. */
export interface Place {
  group: number;
  run: number | null;
}

/**
 * Return the unfolded groups in their order. `sizes` are the numbers of runs that are known better than from the group. A group that has not been read yet takes one row, until it has been.
 */
export function openGroups(
  pages: ReadonlyMap<number, readonly { key: string; runs: number }[]>,
  pageSize: number,
  unfolded: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number> = new Map(),
): OpenGroup[] {
  const found: OpenGroup[] = [];
  let above = 0;
  for (const page of [...pages.keys()].sort((a, b) => a - b)) {
    for (const [i, { key, runs: counted }] of pages.get(page)!.entries()) {
      if (unfolded.has(key)) {
        const runs = sizes.get(key) ?? counted;
        const at = page * pageSize + i;
        found.push({ key, at, count: runs, row: at + above });
        above += runs;
      }
    }
  }
  return found;
}

/** Return what is in a row of the table, in a time that hardly grows with the number of unfolded groups. */
export function placeOf(open: readonly OpenGroup[], row: number): Place {
  let [low, high] = [0, open.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (open[middle]!.row <= row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const above = open[low - 1];
  if (!above) {
    return { group: row, run: null };
  }
  const below = row - above.row;
  return below === 0
    ? { group: above.at, run: null }
    : below <= above.count
      ? { group: above.at, run: below - 1 }
      : { group: above.at + below - above.count, run: null };
}

/** Return the row of a group. */
export function rowOfGroup(open: readonly OpenGroup[], group: number): number {
  const above = open.filter(({ at }) => at < group);
  return group + above.reduce((sum, { count }) => sum + count, 0);
}

import type { TableRow } from '../contract';

/**
 * Group rows by parent, as the kernel does (store/sql/outline.py). Nested runs are shown below their parents if those are
 * among the rows. A family is placed where its first member is in the given order. Folded runs are left out.
 */
export function treeRows(rows: TableRow[], unfolded: ReadonlySet<string>): TableRow[] {
  const place = new Map(rows.map((row, i) => [row.run_id, i]));
  const above = rows.map((row) => place.get(row.parent_run_id ?? '') ?? -1);
  const parents = above.map((parent, i) => (inCycle(i, above) ? -1 : parent));
  const nested = new Map<number, number[]>();
  for (const [i, parent] of parents.entries()) {
    nested.set(parent, [...(nested.get(parent) ?? []), i]);
  }
  const first = (i: number): number => Math.min(i, ...(nested.get(i) ?? []).map(first));
  const below = (i: number, depth: number): TableRow[] =>
    (nested.get(i) ?? [])
      .map((child) => ({ child, first: first(child) }))
      .sort((a, b) => a.first - b.first)
      .flatMap(({ child }) => {
        const row = rows[child]!;
        return [{ ...row, depth }, ...(unfolded.has(row.run_id) ? below(child, depth + 1) : [])];
      });
  return below(-1, 0);
}

/** Return how many of the runs are nested in another one of them. */
export function nestedCount(rows: TableRow[]): number {
  const ids = new Set(rows.map((row) => row.run_id));
  return rows.filter((row) => row.parent_run_id !== row.run_id && ids.has(row.parent_run_id ?? '')).length;
}

function inCycle(start: number, above: number[]): boolean {
  let at = start;
  for (let steps = 0; at >= 0; steps += 1) {
    if (steps > above.length) {
      return true;
    }
    at = above[at]!;
  }
  return false;
}

import { computed } from '@preact/signals';
import type { GroupRow, TableRow } from '../contract';
import type { GroupPages } from './groups';
import type { RunPages } from './pages';

/** A row of the table: a run, or a group of runs. A run that is below its group has both. */
export interface TableItem {
  group: GroupRow | null;
  run: TableRow | null;
}

/** The rows of the table: runs, or groups with the runs of those that are unfolded. */
export class TableRows {
  readonly count = computed(() => (this.groups.by.value === null ? this.pages.count.value : this.groups.count.value));

  constructor(
    private readonly pages: RunPages,
    private readonly groups: GroupPages,
  ) {}

  /** Return the row at a position, or undefined if it has not been fetched. */
  item(index: number): TableItem | undefined {
    if (this.groups.by.value !== null) {
      return this.groups.item(index);
    }
    const run = this.pages.row(index);
    return run && { group: null, run };
  }
}

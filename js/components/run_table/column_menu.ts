import type { Column } from '../../logic/column_model';
import { GROUP_STATISTICS, STATISTIC_NAMES } from '../../logic/groups';
import { nextOrder } from '../../logic/order';
import type { ColumnState } from '../../state/columns';
import type { GroupPages } from '../../state/groups';
import type { QueryState } from '../../state/query';
import type { RunSearch } from '../../state/search';
import type { MenuEntry } from './header_menu';

interface Props {
  query: QueryState;
  search: RunSearch;
  columns: ColumnState;
  groups: GroupPages;
}

/** Return the entries of the menu of a column. */
export function menuOf(column: Column, isName: boolean, { query, search, columns, groups }: Props): MenuEntry[] {
  const order = query.orders.peek().find((each) => each.column === column.id);
  const by = groups.by.peek();
  const statistic = query.statistic.peek();
  const canGroup = column.kind === 'param' || column.key === 'status';
  const entries: MenuEntry[] = [];
  if (column.sortable) {
    for (const descending of [false, true]) {
      entries.push({
        title: descending ? 'Sort descending' : 'Sort ascending',
        checked: order?.descending === descending,
        act: () => search.sort({ column: column.id, descending }),
      });
    }
  }
  if (by !== null && column.kind === 'metric') {
    for (const [i, each] of GROUP_STATISTICS.entries()) {
      entries.push({
        title: `Groups by ${STATISTIC_NAMES[each]}`,
        checked: order !== undefined && statistic === each,
        starts: i === 0,
        act: () => search.sortGroups(each, order ?? nextOrder(null, column.id, columns.lower.peek().has(column.key))),
      });
    }
  }
  if (by !== null && isName) {
    entries.push({ title: 'Stop grouping', starts: true, act: () => search.groupBy(null) });
  } else if (canGroup) {
    entries.push({ title: 'Group by this column', starts: true, act: () => search.groupBy(column.id) });
  }
  if (!isName) {
    const { pinned } = column;
    const change = (fields: { pinned?: boolean; hidden?: boolean }) => columns.change(column.id, fields);
    entries.push({ title: pinned ? 'Unpin' : 'Pin', starts: true, act: () => change({ pinned: !pinned }) });
    entries.push({ title: 'Hide', act: () => change({ hidden: true }) });
  }
  return entries;
}

import type { Signal } from '@preact/signals';
import type { Column } from '../../logic/column_model';
import { nextOrder } from '../../logic/order';
import type { ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { TableItem, TableRows } from '../../state/rows';
import type { RunSearch } from '../../state/search';
import type { Baseline } from './cell';
import type { RowActions, Subject } from './row';

const RESIZE_STEP = 20;

interface Table {
  query: QueryState;
  search: RunSearch;
  pages: RunPages;
  rows: TableRows;
  groups: GroupPages;
  columns: ColumnState;
  folding: Folding;
  /** The active cell: a row, -1 for the header, and a column, 0 for the name. */
  active: Signal<{ row: number; column: number }>;
  /** The number of rows and of columns beside the name. */
  total: number;
  count: number;
  /** How many rows a page has. */
  page: () => number;
  name: Column;
  nameWidth: () => number;
  /** Whether rows unfold. */
  tree: boolean;
  baseline: () => Baseline | null;
  actions: RowActions;
  columnAt: (index: number) => Column;
  moveTo: (row: number, column: number) => void;
  resize: (column: string, width: number) => void;
  openMenu: (column: Column, at: number) => void;
  /** Registers the model of a row. */
  register: ((row: NonNullable<TableItem['run']>) => void) | null;
}

/** Return what the table does when a key is pressed. */
export function tableKeys(table: Table): (event: KeyboardEvent) => void {
  const { query, search, pages, rows, groups, columns, folding, active, total, name, tree, actions } = table;
  const { columnAt, moveTo, resize, openMenu } = table;

  /** On the name of a row in a tree, the right arrow unfolds; the left one folds, or moves to the row above it. */
  const foldOrLeave = (key: string, index: number, { group, run }: TableItem): boolean => {
    const open = run ? folding.isOpen(run.run_id) : groups.unfolded.peek().has(group?.key ?? '');
    const folds = run === null || (group === null && run.children > 0);
    if (folds && (key === 'ArrowRight' ? !open : open)) {
      actions.fold(index, !open);
      return true;
    }
    if (key === 'ArrowLeft' && run && group) {
      moveTo(groups.rowAbove(index), 0);
      return true;
    }
    if (key === 'ArrowLeft' && run && run.depth > 0) {
      let above = index - 1;
      while (above > 0 && (pages.row(above)?.depth ?? run.depth) >= run.depth) {
        above -= 1;
      }
      moveTo(above, 0);
      return true;
    }
    return false;
  };
  const onHeaderKey = (event: KeyboardEvent, column: Column): boolean => {
    const { key } = event;
    const step = key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0;
    if (key === 'Enter' && column.sortable) {
      const order = query.orders.peek().find((each) => each.column === column.id) ?? null;
      search.sort(nextOrder(order, column.id, columns.lower.peek().has(column.key)), event.shiftKey);
    } else if (step !== 0 && event.shiftKey) {
      const width = column === name ? table.nameWidth() : column.width;
      resize(column.id, width + step * RESIZE_STEP);
    } else if (step !== 0 && event.altKey && column !== name) {
      columns.move(column.id, step);
      moveTo(-1, active.peek().column + step);
    } else if ((key === 'p' || key === 'P') && column !== name) {
      columns.change(column.id, { pinned: !column.pinned });
    } else if (key === 'Delete' && column !== name) {
      columns.change(column.id, { hidden: true });
    } else if (key === 'm' || key === 'M' || key === 'ContextMenu' || (key === 'F10' && event.shiftKey)) {
      openMenu(column, active.peek().column);
    } else {
      return false;
    }
    return true;
  };
  const onRowKey = (event: KeyboardEvent, index: number, item: TableItem): boolean => {
    const { key } = event;
    const { column } = active.peek();
    const { run } = item;
    if (key === ' ') {
      actions.toggle(subjectOf(item));
    } else if (key === 'Enter' && columnAt(column).key === 'models' && run && run.models.length > 0) {
      table.register?.(run);
    } else if (key === 'b' || key === 'B') {
      const subject = subjectOf(item);
      const { kind, id } = table.baseline() ?? {};
      actions.setBaseline(kind === subject.kind && id === subject.id ? null : subject);
    } else {
      return column === 0 && tree && (key === 'ArrowLeft' || key === 'ArrowRight') && foldOrLeave(key, index, item);
    }
    return true;
  };
  return (event: KeyboardEvent) => {
    const { row: at, column } = active.peek();
    const page = table.page();
    const item = at >= 0 ? rows.item(at) : undefined;
    const isPlain = !event.altKey && !event.metaKey;
    const all = event.ctrlKey;
    const moves: Record<string, [number, number]> = {
      ArrowDown: [at + 1, column],
      ArrowUp: [at - 1, column],
      ArrowRight: [at, column + 1],
      ArrowLeft: [at, column - 1],
      PageDown: [Math.max(0, at) + page, column],
      PageUp: [Math.max(0, at - page), column],
      Home: all ? [0, 0] : [at, 0],
      End: all ? [total - 1, column] : [at, table.count],
    };
    const target = moves[event.key];
    const isUsed =
      (at === -1 && onHeaderKey(event, columnAt(column))) ||
      (isPlain && !event.ctrlKey && at >= 0 && item !== undefined && onRowKey(event, at, item));
    if (!isUsed && target && isPlain) {
      moveTo(...target);
    }
    // JupyterLab listens for keys on the notebook and must not see the ones that are used here.
    if (isUsed || (target && isPlain)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

/** Return what a row of the table is about. */
export function subjectOf({ group, run }: TableItem): Subject {
  return run ? { kind: 'run', id: run.run_id } : { kind: 'group', id: group?.key ?? '' };
}

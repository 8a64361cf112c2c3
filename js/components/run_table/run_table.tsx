import { effect, useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { RunRow } from '../../contract';
import type { Column } from '../../logic/column_model';
import { columnTitle } from '../../logic/groups';
import type { ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { TableItem, TableRows } from '../../state/rows';
import type { RunSearch } from '../../state/search';
import type { Selection } from '../../state/selection';
import { useUniqueId } from '../form/unique_id';
import { menuOf } from './column_menu';
import type { HeaderActions } from './header';
import { HeaderMenu } from './header_menu';
import { BaselineRow, GroupTableRow, Row, type RowActions } from './row';
import { TableHead } from './table_head';
import { subjectOf, tableKeys } from './table_keys';
import { useBaseline, useCellContext } from './use_cell_context';
import { NAME, ROW_HEIGHT, useTableWindow, VISIBLE_ROWS } from './use_table_window';

interface Props {
  query: QueryState;
  search: RunSearch;
  pages: RunPages;
  rows: TableRows;
  groups: GroupPages;
  columns: ColumnState;
  folding: Folding;
  selection: Selection;
  /** Called to register the model of a run; null if nothing can be registered here. */
  register: ((row: RunRow) => void) | null;
}

/**
 * The runs that match the query, or groups of them, which unfold to their runs. Only the rows and columns in sight are in
 * the page. The table is one tab stop: the arrow keys move the active cell, Space selects a run, and Enter sorts by a header.
 */
export function RunTable(props: Props) {
  const { query, search, pages, rows, groups, columns, folding, selection, register } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLTableElement>(null);
  const id = useUniqueId();
  /** The active cell: a row, -1 for the header, and a column, 0 for the name. */
  const active = useSignal({ row: 0, column: 0 });
  /** The column whose menu is open. */
  const menu = useSignal<{ column: Column; at: number; left: number } | null>(null);
  const total = rows.count.value;
  const by = groups.by.value;
  const tree = by !== null || (folding.grouped.value && pages.nested.value > 0);
  const name = useMemo((): Column => (by === null ? NAME : { ...NAME, id: by, title: columnTitle(by) }), [by]);
  const { row: baselineRow, baseline } = useBaseline(columns, groups, selection);
  const hasBaseline = useComputed(() => baseline.value !== null);
  const { scroll, size, head, layout, first, end, rendered, resize, reveal } = useTableWindow({
    ...{ scroller, pages, rows, groups, columns, folding, hasBaseline },
  });
  const stable = useRef({ register, openMenu: (_column: Column, _at: number) => {} });
  const registerRow = useMemo(
    () => (register === null ? null : (row: RunRow) => stable.current.register?.(row)),
    [register === null],
  );
  const context = useCellContext({ query, pages, groups, columns, baseline, register: registerRow });

  useEffect(() => {
    search.ensure(first, end, [...rendered.pinned, ...rendered.scrolled]);
  }, [first, end, rendered, pages.pages.value, groups.pages.value, groups.unfolded.value]);
  const revealed = useRef('');
  useLayoutEffect(() => {
    // The column that the table is sorted by is in sight from the start. Rows that are read again scroll nothing.
    const { others, at: edges, pinned } = layout.peek();
    const at = others.findIndex((column) => column.id === query.orders.peek()[0]?.column);
    const place = at < 0 ? '' : `${edges[at]} ${others[at]!.id}`;
    if (at >= 0 && place !== revealed.current) {
      revealed.current = place;
      reveal(at + 1 + pinned.length);
    }
  }, [pages.loaded.value, columns.counts.value]);
  useEffect(() => {
    const { row, column } = active.peek();
    active.value = { row: Math.min(row, Math.max(0, total - 1)), column: Math.min(column, rendered.count) };
  }, [total, rendered.count]);

  /** Show the name that has the focus whole if it is cut. Only the browser knows whether it is. */
  const showWhole = () => {
    const cell = grid.current?.querySelector('.nbt-name.nbt-active');
    const parts = [...(cell?.querySelectorAll('.nbt-name-head') ?? [])];
    cell?.toggleAttribute(
      'data-cut',
      parts.some((part) => part.scrollWidth > part.clientWidth),
    );
  };
  useLayoutEffect(() => {
    if (active.value.column === 0 && grid.current?.matches(':focus-visible')) {
      showWhole();
    }
  }, [active.value.row, active.value.column]);
  useEffect(() => {
    // Not a property of the rows, because the mark follows the pointer over a chart.
    return effect(() => {
      const marked = selection.marked.value;
      for (const element of grid.current?.querySelectorAll<HTMLElement>('[data-marked]') ?? []) {
        delete element.dataset.marked;
      }
      for (const element of marked === null ? [] : (grid.current?.querySelectorAll<HTMLElement>('.nbt-row') ?? [])) {
        if (element.dataset.runId === marked || element.dataset.group === marked) {
          element.dataset.marked = '';
        }
      }
    });
  }, []);
  /** Mark the curve of a row. */
  const mark = (row: number) => {
    const item = row >= 0 ? rows.item(row) : undefined;
    selection.marked.value = item ? subjectOf(item).id : null;
  };

  const moveTo = (row: number, column: number) => {
    const next = {
      row: Math.max(-1, Math.min(total - 1, row)),
      column: Math.max(0, Math.min(rendered.count, column)),
    };
    const element = scroller.current!;
    const y = next.row * ROW_HEIGHT;
    const room = size.peek().height - head.peek();
    if (next.row >= 0 && y < element.scrollTop) {
      element.scrollTop = y;
    } else if (next.row >= 0 && y + ROW_HEIGHT > element.scrollTop + room) {
      element.scrollTop = y + ROW_HEIGHT - room;
    }
    scroll.value = { top: element.scrollTop, left: element.scrollLeft };
    active.value = next;
    mark(next.row);
    reveal(next.column);
  };
  const columnAt = (index: number): Column =>
    index === 0
      ? name
      : (layout.peek().pinned[index - 1] ?? layout.peek().others[index - 1 - layout.peek().pinned.length] ?? name);

  const openMenu = (column: Column, at: number) => {
    reveal(at);
    const cell = grid.current?.querySelector<HTMLElement>(`th[aria-colindex="${at + 3}"]`);
    const left = (cell?.getBoundingClientRect().left ?? 0) - (scroller.current?.getBoundingClientRect().left ?? 0);
    menu.value = { column, at, left };
  };
  const headerActions = useMemo(
    (): HeaderActions => ({
      sort: (order, add) => search.sort(order, add),
      resize,
      moveTo: (column, beside, after) => {
        const shown = columns.shown.peek();
        const next = shown[shown.findIndex(({ id }) => id === beside) + 1];
        columns.change(column, { before: after ? (next?.id ?? '') : beside });
      },
      openMenu: (column, at) => stable.current.openMenu(column, at),
    }),
    [],
  );
  const actions = useMemo(
    (): RowActions => ({
      toggle: ({ kind, id }) => (kind === 'group' ? selection.toggleGroup(id) : selection.toggle(id)),
      fold: (index, open) => search.fold(index, open),
      setBaseline: (subject) => selection.setBaseline(subject),
    }),
    [],
  );
  stable.current = { register, openMenu };
  const onKeyDown = tableKeys({
    ...{ query, search, pages, rows, groups, columns, folding, active, total, name, tree, actions },
    ...{ columnAt, moveTo, resize, openMenu, register },
    count: rendered.count,
    page: () => Math.max(1, Math.floor((size.peek().height - head.peek()) / ROW_HEIGHT) - 1),
    nameWidth: () => layout.peek().nameWidth,
    baseline: () => baseline.peek(),
  });
  const width = rendered.lefts.at(-1)! + layout.value.at.at(-1)!;
  const used = new Map<string, number>();
  const keyOf = (item: TableItem | undefined, index: number) => {
    // Keyed by run, so that a run keeps its element when it moves. While pages arrive, a run can be on two of them.
    const key = item?.run?.run_id ?? (item?.group ? `group ${item.group.key}` : `row ${index}`);
    const count = used.get(key) ?? 0;
    used.set(key, count + 1);
    return count === 0 ? key : `${key} ${count}`;
  };
  const tableRow = (index: number) => {
    const item = rows.item(index);
    const common = {
      id,
      index,
      columns: rendered,
      context,
      active: active.value.row === index ? active.value.column : -1,
      actions,
    };
    if (item?.group && !item.run) {
      const { group } = item;
      return (
        <GroupTableRow
          {...common}
          key={keyOf(item, index)}
          group={group}
          by={name.title}
          open={groups.unfolded.value.has(group.key)}
          selected={selection.groups.value.includes(group.key)}
          slot={selection.groupSlots.value.get(group.key)}
        />
      );
    }
    const row = item?.run ?? undefined;
    return (
      <Row
        {...common}
        key={keyOf(item, index)}
        row={row}
        depth={by !== null ? 1 : tree ? (row?.depth ?? 0) : null}
        open={folding.isOpen(row?.run_id ?? '')}
        selected={selection.set.value.has(row?.run_id ?? '')}
        slot={selection.slots.value.get(row?.run_id ?? '')}
      />
    );
  };
  const shownBaseline = baselineRow.value;
  return (
    <div class="nbt-table-frame">
      <div
        class="nbt-table-scroll"
        ref={scroller}
        style={{ maxHeight: `${head.value + ROW_HEIGHT * VISIBLE_ROWS + size.value.bar + 2}px` }}
        onScroll={(event) => {
          const { scrollTop: top, scrollLeft } = event.currentTarget;
          scroll.value = { top, left: scrollLeft };
        }}
      >
        {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: both a grid and a treegrid support it */}
        <table
          class="nbt-table nbt-runs"
          ref={grid}
          role={tree ? 'treegrid' : 'grid'}
          aria-label={by === null ? 'Runs' : `Runs by ${name.title}`}
          aria-rowcount={total + context.above}
          aria-colcount={rendered.count + 3}
          aria-multiselectable="true"
          aria-busy={search.busy.value}
          aria-activedescendant={`${id}-active`}
          tabIndex={0}
          style={{ width: `${width}px` }}
          onKeyDown={onKeyDown}
          onFocus={() => {
            mark(active.peek().row);
            showWhole();
          }}
          onBlur={() => mark(-1)}
          onMouseOver={(event) => {
            const row = (event.target as HTMLElement).closest<HTMLElement>('.nbt-row');
            mark(Number(row?.dataset.index ?? -1));
          }}
          onMouseLeave={() => mark(-1)}
          onClick={(event) => {
            const target = event.target as HTMLElement;
            const cell = target.closest<HTMLElement>('[aria-colindex]');
            const index = target.closest<HTMLElement>('[data-index]')?.dataset.index;
            if (cell) {
              const column = Math.max(0, Number(cell.getAttribute('aria-colindex')) - 3);
              active.value = { row: index === undefined ? -1 : Number(index), column };
            }
            // The buttons in the table are no tab stops. The keys go on from the cell that was clicked.
            if (!target.closest('.nbt-register')) {
              grid.current?.focus({ preventScroll: true });
            }
          }}
        >
          <TableHead
            {...{ id, name, rendered, query, columns }}
            active={active.value.row === -1 ? active.value.column : -1}
            actions={headerActions}
          >
            {shownBaseline && (
              <BaselineRow
                {...shownBaseline}
                columns={rendered}
                context={context}
                slot={
                  shownBaseline.group
                    ? selection.groupSlots.value.get(shownBaseline.group.key)
                    : selection.slots.value.get(shownBaseline.row?.run_id ?? '')
                }
                actions={actions}
              />
            )}
          </TableHead>
          <tbody>
            <Space height={first * ROW_HEIGHT} />
            {Array.from({ length: Math.max(0, end - first) }, (_, i) => tableRow(first + i))}
            <Space height={Math.max(0, total - end) * ROW_HEIGHT} />
          </tbody>
        </table>
      </div>
      {menu.value && (
        <HeaderMenu
          label={`Column ${menu.value.column.title}`}
          entries={menuOf(menu.value.column, menu.value.at === 0, props)}
          left={menu.value.left}
          close={(back) => {
            menu.value = null;
            if (back) {
              grid.current?.focus({ preventScroll: true });
            }
          }}
        />
      )}
    </div>
  );
}

/** Takes the height of the rows above or below those in the page. */
function Space({ height }: { height: number }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: this row cannot have the focus
  return height > 0 ? <tr class="nbt-space" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { RunRow, TableRow } from '../../contract';
import { type Column, columnWindow, edges } from '../../logic/column_model';
import { nextOrder } from '../../logic/order';
import { rowWindow } from '../../logic/window';
import type { ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { RunSearch } from '../../state/search';
import type { Selection } from '../../state/selection';
import { useUniqueId } from '../form/unique_id';
import type { CellContext } from './cell';
import { Header, type HeaderActions, LEAST_WIDTH, MOST_WIDTH } from './header';
import { groupStart, isNumeric, type RenderedColumns, Row } from './row';

const ROW_HEIGHT = 26;
const HEADER_HEIGHT = 50;
const VISIBLE_ROWS = 12;
const TICK_WIDTH = 30;
const SWATCH_WIDTH = 34;
const NAME_WIDTH = 200;
/** In a narrow table the names leave most of the width to the values. */
const NARROW = 520;
const NARROW_NAME_WIDTH = 120;
/** How much wider metrics are while they show the difference from the baseline, in px. */
const DIFFERENCE_WIDTH = 88;
const RESIZE_STEP = 20;
/** The window moves in steps of so many rows, so that not every scrolled row renders the table again. */
const ROW_STEP = 4;
const COLUMN_STEP = 3;
/** The rows whose values say whether a param is a number. */
const SAMPLE = 50;

const NAME: Column = {
  id: 'attributes.run_name',
  kind: 'run',
  key: 'run_name',
  statistic: 'last',
  title: 'Run',
  group: '',
  sortable: true,
  width: NAME_WIDTH,
  pinned: true,
};

interface Props {
  query: QueryState;
  search: RunSearch;
  pages: RunPages;
  columns: ColumnState;
  folding: Folding;
  selection: Selection;
  /** Called to register the model of a run; null if nothing can be registered here. */
  register: ((row: RunRow) => void) | null;
}

/**
 * The runs that match the query. Only the rows and columns in sight are in the page. The table is one tab stop: the arrow
 * keys move the active cell, Space selects a run, and Enter sorts by a header.
 */
export function RunTable({ query, search, pages, columns, folding, selection, register }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLTableElement>(null);
  const id = useUniqueId();
  const scroll = useSignal({ top: 0, left: 0 });
  const size = useSignal({ height: ROW_HEIGHT * VISIBLE_ROWS + HEADER_HEIGHT, width: 1200, bar: 0 });
  /** The active cell: a row, -1 for the header, and a column, 0 for the name. */
  const active = useSignal({ row: 0, column: 0 });
  const total = pages.count.value;
  const tree = folding.grouped.value && pages.nested.value > 0;
  const baseline = useComputed(() => {
    const row = columns.baseline.value;
    return row?.run_id === selection.baseline.value ? row : null;
  });
  const nameWidthAtFirst = useComputed(() => (size.value.width < NARROW ? NARROW_NAME_WIDTH : NAME_WIDTH));
  const layout = useComputed(() => {
    const wider = baseline.value ? DIFFERENCE_WIDTH : 0;
    const shown = columns.shown.value.map((column) =>
      column.kind === 'metric' && column.statistic === 'last' ? { ...column, width: column.width + wider } : column,
    );
    const pinned = shown.filter((column) => column.pinned);
    const others = shown.filter((column) => !column.pinned);
    const nameWidth = columns.changed.value.find((view) => view.column === NAME.id)?.width ?? nameWidthAtFirst.value;
    const fixed = TICK_WIDTH + SWATCH_WIDTH + nameWidth;
    const lefts = edges(pinned);
    return { pinned, others, at: edges(others), lefts: lefts.map((left) => left + fixed), nameWidth };
  });
  /** Keep a new width of a column, without what is added to it while there is a baseline. */
  const resize = (id: string, width: number) => {
    const own = columns.shown.peek().find((column) => column.id === id)?.width;
    const { pinned, others } = layout.peek();
    const shown = [...pinned, ...others].find((column) => column.id === id)?.width;
    const added = own === undefined || shown === undefined ? 0 : shown - own;
    columns.change(id, { width: Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, width - added)) });
  };
  const rows = useComputed(() =>
    rowWindow(scroll.value.top, size.value.height - HEADER_HEIGHT, ROW_HEIGHT, pages.count.value),
  );
  // The window as a string, so that the table renders again only when it has moved.
  const place = useComputed(() => {
    const { at, lefts } = layout.value;
    const { first, end } = rows.value;
    const { first: left, end: right } = columnWindow(at, scroll.value.left, size.value.width - lefts.at(-1)!);
    const [firstRow, endRow] = inSteps(first, end, ROW_STEP, pages.count.value);
    return [firstRow, endRow, ...inSteps(left, right, COLUMN_STEP, at.length - 1)].join();
  });
  const [first, end, left, right] = place.value.split(',').map(Number) as [number, number, number, number];
  const sample = pages.sample.value;
  const rendered = useMemo((): RenderedColumns => {
    const { pinned, others, at, lefts, nameWidth } = layout.value;
    const window = { first: left, end: right, left: at[left] ?? 0, right: at.at(-1)! - (at[right] ?? at.at(-1)!) };
    const scrolled = others.slice(left, right);
    const numeric = new Set(
      [...pinned, ...scrolled].filter((column) => isNumber(column, sample)).map(({ key }) => key),
    );
    return { pinned, lefts, scrolled, window, nameWidth, count: pinned.length + others.length, numeric };
  }, [layout.value, left, right, sample]);
  const context = useMemo(
    (): CellContext => ({
      best: columns.alone.value ? new Map() : columns.best.value,
      lower: columns.lower.value,
      baseline: baseline.value,
      register: register === null ? null : (row) => stable.current.register?.(row),
    }),
    [columns.alone.value, columns.best.value, columns.lower.value, baseline.value, register === null],
  );
  const stable = useRef({ register });
  stable.current = { register };

  useEffect(() => {
    search.ensure(first, end, [...rendered.pinned, ...rendered.scrolled]);
  }, [first, end, rendered, pages.pages.value]);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => {
      const { clientHeight: height, clientWidth: width, offsetHeight } = element;
      size.value = { height, width: width || size.peek().width, bar: Math.max(0, offsetHeight - height - 2) };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    // The column that the table is sorted by is in sight from the start.
    const at = layout.peek().others.findIndex((column) => column.id === query.orders.peek()[0]?.column);
    if (at >= 0) {
      reveal(at + 1 + layout.peek().pinned.length);
    }
  }, [pages.loaded.value, columns.counts.value]);
  useEffect(() => {
    const { row, column } = active.peek();
    active.value = { row: Math.min(row, Math.max(0, total - 1)), column: Math.min(column, rendered.count) };
  }, [total, rendered.count]);

  /** Scroll a column into sight. */
  const reveal = (column: number) => {
    const { at, lefts, pinned } = layout.peek();
    const index = column - 1 - pinned.length;
    const element = scroller.current;
    if (!element || index < 0 || index >= at.length - 1) {
      return;
    }
    const room = element.clientWidth - lefts.at(-1)!;
    if (at[index]! < element.scrollLeft) {
      element.scrollLeft = at[index]!;
    } else if (at[index + 1]! > element.scrollLeft + room) {
      element.scrollLeft = Math.min(at[index]!, at[index + 1]! - room);
    }
    scroll.value = { top: element.scrollTop, left: element.scrollLeft };
  };
  const moveTo = (row: number, column: number) => {
    const next = {
      row: Math.max(-1, Math.min(total - 1, row)),
      column: Math.max(0, Math.min(rendered.count, column)),
    };
    const element = scroller.current!;
    const y = next.row * ROW_HEIGHT;
    const room = size.peek().height - HEADER_HEIGHT;
    if (next.row >= 0 && y < element.scrollTop) {
      element.scrollTop = y;
    } else if (next.row >= 0 && y + ROW_HEIGHT > element.scrollTop + room) {
      element.scrollTop = y + ROW_HEIGHT - room;
    }
    scroll.value = { top: element.scrollTop, left: element.scrollLeft };
    active.value = next;
    reveal(next.column);
  };
  const columnAt = (index: number): Column =>
    index === 0
      ? NAME
      : (layout.peek().pinned[index - 1] ?? layout.peek().others[index - 1 - layout.peek().pinned.length] ?? NAME);

  /** On the name of a run in a tree, the right arrow unfolds; the left one folds, or moves to the parent. */
  const foldOrLeave = (key: string, index: number, row: TableRow): boolean => {
    const open = folding.isOpen(row.run_id);
    if (row.children > 0 && (key === 'ArrowRight' ? !open : open)) {
      search.fold(index, !open);
      return true;
    }
    if (key === 'ArrowLeft' && row.depth > 0) {
      let above = index - 1;
      while (above > 0 && (pages.row(above)?.depth ?? row.depth) >= row.depth) {
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
      resize(column.id, (column === NAME ? layout.peek().nameWidth : column.width) + step * RESIZE_STEP);
    } else if (step !== 0 && event.altKey && column !== NAME) {
      columns.move(column.id, step);
      moveTo(-1, active.peek().column + step);
    } else if ((key === 'p' || key === 'P') && column !== NAME) {
      columns.change(column.id, { pinned: !column.pinned });
    } else if (key === 'Delete' && column !== NAME) {
      columns.change(column.id, { hidden: true });
    } else {
      return false;
    }
    return true;
  };
  const onRowKey = (event: KeyboardEvent, index: number, row: TableRow): boolean => {
    const { key } = event;
    const { column } = active.peek();
    if (key === ' ') {
      selection.toggle(row.run_id);
    } else if (key === 'Enter' && columnAt(column).key === 'models' && row.models.length > 0) {
      register?.(row);
    } else if (key === 'b' || key === 'B') {
      selection.baseline.value = selection.baseline.peek() === row.run_id ? null : row.run_id;
    } else {
      return column === 0 && tree && (key === 'ArrowLeft' || key === 'ArrowRight') && foldOrLeave(key, index, row);
    }
    return true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { row: at, column } = active.peek();
    const page = Math.max(1, Math.floor((size.peek().height - HEADER_HEIGHT) / ROW_HEIGHT) - 1);
    const row = pages.row(at);
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
      End: all ? [total - 1, column] : [at, rendered.count],
    };
    const target = moves[event.key];
    const isUsed =
      (at === -1 && onHeaderKey(event, columnAt(column))) ||
      (isPlain && !event.ctrlKey && at >= 0 && row !== undefined && onRowKey(event, at, row));
    if (!isUsed && target && isPlain) {
      moveTo(...target);
    }
    // JupyterLab listens for keys on the notebook and must not see the ones that are used here.
    if (isUsed || (target && isPlain)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  const actions = useMemo(
    (): HeaderActions => ({
      sort: (order, add) => search.sort(order, add),
      resize,
      moveBefore: (column, before) => columns.change(column, { before }),
    }),
    [],
  );
  const toggle = useMemo(() => (run_id: string) => selection.toggle(run_id), []);
  const fold = useMemo(() => (index: number, open: boolean) => search.fold(index, open), []);
  const { pinned, scrolled, window, lefts, nameWidth } = rendered;
  const width = lefts.at(-1)! + layout.value.at.at(-1)!;
  const header = (column: Column, at: number, name = '', stick?: number) => (
    <Header
      key={column.id}
      id={id}
      class={`${name} ${isNumeric(column, rendered.numeric) ? 'nbt-number' : ''}`}
      column={column}
      orders={query.orders.value}
      actions={actions}
      left={stick}
      at={at}
      active={active.value.row === -1 && active.value.column === at}
      guessed={columns.guessed.value.has(column.key)}
      lowerIsBetter={columns.lower.value.has(column.key)}
      movable={column.id !== NAME.id}
    />
  );
  const group_by = query.peek().group_by;
  const groupOf = (row: TableRow | undefined) => (group_by && row ? groupValue(row, group_by) : null);
  const used = new Map<string, number>();
  const keyOf = (row: TableRow | undefined, index: number) => {
    // Keyed by run, so that a run keeps its element when it moves. While pages arrive, a run can be on two of them.
    const key = row?.run_id ?? `row ${index}`;
    const count = used.get(key) ?? 0;
    used.set(key, count + 1);
    return count === 0 ? key : `${key} ${count}`;
  };
  return (
    <div
      class="nbt-table-scroll"
      ref={scroller}
      style={{ maxHeight: `${HEADER_HEIGHT + ROW_HEIGHT * VISIBLE_ROWS + size.value.bar + 2}px` }}
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
        aria-label="Runs"
        aria-rowcount={total + 2}
        aria-colcount={rendered.count + 3}
        aria-multiselectable="true"
        aria-busy={search.busy.value}
        aria-activedescendant={`${id}-active`}
        tabIndex={0}
        style={{ width: `${width}px` }}
        onKeyDown={onKeyDown}
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
        <colgroup>
          <col style={{ width: `${TICK_WIDTH}px` }} />
          <col style={{ width: `${SWATCH_WIDTH}px` }} />
          <col style={{ width: `${nameWidth}px` }} />
          {pinned.map((column) => (
            <col key={column.id} style={{ width: `${column.width}px` }} />
          ))}
          <col style={{ width: `${window.left}px` }} />
          {scrolled.map((column) => (
            <col key={column.id} style={{ width: `${column.width}px` }} />
          ))}
          <col style={{ width: `${window.right}px` }} />
        </colgroup>
        <thead>
          <tr class="nbt-groups" aria-rowindex={1}>
            <td colSpan={3} class="nbt-pinned nbt-pin-0" />
            {pinned.map((column, i) => (
              <td key={column.id} class="nbt-pinned nbt-pinned-column" style={{ left: `${lefts[i]}px` }}>
                {column.group}
              </td>
            ))}
            <td class="nbt-gap" aria-hidden="true" />
            {groupsOf(scrolled).map(({ title, count }, i) => (
              <td key={i} colSpan={count} class={`nbt-group ${i > 0 ? 'nbt-group-start' : ''}`}>
                {title}
              </td>
            ))}
            <td class="nbt-gap" aria-hidden="true" />
          </tr>
          <tr aria-rowindex={2}>
            <th class="nbt-pinned nbt-pin-0" scope="col" aria-colindex={1} aria-label="Selected" />
            <th class="nbt-pinned nbt-pin-1" scope="col" aria-colindex={2} aria-label="Line" />
            {header({ ...NAME, width: nameWidth }, 0, 'nbt-pinned nbt-pin-2')}
            {pinned.map((column, i) => header(column, i + 1, 'nbt-pinned nbt-pinned-column', lefts[i]))}
            <td class="nbt-gap" aria-hidden="true" />
            {scrolled.map((column, i) =>
              header(column, 1 + pinned.length + window.first + i, groupStart(scrolled, i) ? 'nbt-group-start' : ''),
            )}
            <td class="nbt-gap" aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          <Space height={first * ROW_HEIGHT} />
          {Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i).map((index) => {
            const row = pages.row(index);
            return (
              <Row
                key={keyOf(row, index)}
                id={id}
                index={index}
                row={row}
                columns={rendered}
                context={context}
                tree={tree}
                open={folding.isOpen(row?.run_id ?? '')}
                fold={fold}
                slot={selection.slots.value.get(row?.run_id ?? '')}
                starts={index > 0 && groupOf(row) !== groupOf(pages.row(index - 1))}
                active={active.value.row === index ? active.value.column : -1}
                toggle={toggle}
              />
            );
          })}
          <Space height={Math.max(0, total - end) * ROW_HEIGHT} />
        </tbody>
      </table>
    </div>
  );
}

/** Return a window that begins and ends at multiples of a step. */
function inSteps(first: number, end: number, step: number, most: number): [number, number] {
  return [first - (first % step), Math.min(most, Math.ceil(end / step) * step)];
}

/** Takes the height of the rows above or below those in the page. */
function Space({ height }: { height: number }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: this row cannot have the focus
  return height > 0 ? <tr class="nbt-space" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

/** Return the neighbors with the same first line of the header. */
function groupsOf(columns: readonly Column[]): { title: string; count: number }[] {
  const found: { title: string; count: number }[] = [];
  for (const { group } of columns) {
    const last = found.at(-1);
    if (last?.title === group) {
      last.count += 1;
    } else {
      found.push({ title: group, count: 1 });
    }
  }
  return found;
}

/** Return whether the param of a column has only numbers. */
function isNumber({ kind, key }: Column, rows: readonly TableRow[]): boolean {
  if (kind !== 'param') {
    return false;
  }
  const values = rows.slice(0, SAMPLE).map((row) => row.params[key] ?? '');
  return values.some(Boolean) && values.every((value) => value === '' || Number.isFinite(Number(value)));
}

/** Return the value by which a row belongs to a group. */
function groupValue(row: TableRow, column: string): string | number | null {
  const [, entity, key = ''] = column.match(/^(\w+)\.[`"]?(.*?)[`"]?$/) ?? [];
  return (entity === 'params' ? row.params[key] : entity === 'attributes' ? (row as never)[key] : null) ?? null;
}

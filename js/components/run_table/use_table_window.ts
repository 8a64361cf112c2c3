import { type ReadonlySignal, type Signal, useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { TableRow } from '../../contract';
import { type Column, columnWindow, edges } from '../../logic/column_model';
import { nameWidth as fittingWidth } from '../../logic/name_width';
import { rowWindow } from '../../logic/window';
import type { ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { TableRows } from '../../state/rows';
import { LEAST_WIDTH, MOST_WIDTH } from './header';
import { groupNameWidth, type RenderedColumns, runNameWidth } from './row';

export const ROW_HEIGHT = 26;
const HEADER_HEIGHT = 50;
export const VISIBLE_ROWS = 12;
export const TICK_WIDTH = 30;
export const SWATCH_WIDTH = 34;
const NAME_WIDTH = 200;
/** How much wider metrics are while they show the difference from the baseline, in px. */
const DIFFERENCE_WIDTH = 88;
/** How much wider metrics are while groups show a mean and its standard deviation, in px. */
const GROUP_WIDTH = 62;
/** The window moves in steps of so many rows, so that not every scrolled row renders the table again. */
const ROW_STEP = 4;
const COLUMN_STEP = 3;
/** The rows whose values say whether a param is a number, and whose names say how wide their column is. */
export const SAMPLE = 50;

/** The column of names. */
export const NAME: Column = {
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
  scroller: RefObject<HTMLDivElement | null>;
  pages: RunPages;
  rows: TableRows;
  groups: GroupPages;
  columns: ColumnState;
  folding: Folding;
  /** Whether there is a row of the baseline, and differences from it. */
  hasBaseline: ReadonlySignal<boolean>;
}

interface Layout {
  pinned: Column[];
  /** The columns that scroll. */
  others: Column[];
  /** Where these begin and end. */
  at: number[];
  /** Where the pinned ones begin and end. */
  lefts: number[];
  nameWidth: number;
}

export interface TableWindow {
  scroll: Signal<{ top: number; left: number }>;
  size: Signal<{ height: number; width: number; bar: number }>;
  /** The height of the rows that do not scroll. */
  head: ReadonlySignal<number>;
  layout: ReadonlySignal<Layout>;
  /** The rows that are rendered: the first one, and the one after the last. */
  first: number;
  end: number;
  rendered: RenderedColumns;
  resize: (column: string, width: number) => void;
  reveal: (column: number) => void;
}

/** Return which rows and columns of the table are in the page, and where its columns are. */
export function useTableWindow({ scroller, pages, rows, groups, columns, folding, hasBaseline }: Props): TableWindow {
  const scroll = useSignal({ top: 0, left: 0 });
  const size = useSignal({ height: ROW_HEIGHT * VISIBLE_ROWS + HEADER_HEIGHT, width: 1200, bar: 0 });
  const head = useComputed(() => HEADER_HEIGHT + (hasBaseline.value ? ROW_HEIGHT : 0));
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
  const widest = useRef<{ by: string | null; width: number }>({ by: null, width: 0 });
  const nameWidthAtFirst = useComputed(() => {
    const by = groups.by.value;
    const inTree = folding.grouped.value && pages.nested.value > 0;
    const widths =
      by === null
        ? pages.sample.value.slice(0, SAMPLE).map((row) => runNameWidth(row, inTree))
        : [
            ...(groups.pages.value.get(0) ?? []).slice(0, SAMPLE).map(groupNameWidth),
            ...groups.runsBelow(SAMPLE).map((row) => runNameWidth({ ...row, depth: 1, children: 0 }, true)),
          ];
    // In another order, other names come first. The column does not get narrower then.
    const before = widest.current.by === by ? widest.current.width : 0;
    widest.current = { by, width: Math.max(before, ...widths) };
    return fittingWidth(widest.current.width, size.value.width);
  });
  const layout = useComputed((): Layout => {
    const wider = (hasBaseline.value ? DIFFERENCE_WIDTH : 0) + (groups.by.value === null ? 0 : GROUP_WIDTH);
    // The values that runs are grouped by are the names of the groups.
    const shown = columns.shown.value.filter(({ id }) => id !== groups.by.value);
    const wide = shown.map((column) =>
      column.kind === 'metric' ? { ...column, width: column.width + wider } : column,
    );
    const pinned = wide.filter((column) => column.pinned);
    const others = wide.filter((column) => !column.pinned);
    const nameWidth = columns.changed.value.find((view) => view.column === NAME.id)?.width ?? nameWidthAtFirst.value;
    const fixed = TICK_WIDTH + SWATCH_WIDTH + nameWidth;
    const lefts = edges(pinned);
    return { pinned, others, at: edges(others), lefts: lefts.map((left) => left + fixed), nameWidth };
  });
  /** Keep a new width of a column, without what is added to it while there is a baseline. */
  const resize = (named: string, width: number) => {
    const id = named === groups.by.peek() ? NAME.id : named;
    const own = columns.shown.peek().find((column) => column.id === id)?.width;
    const { pinned, others } = layout.peek();
    const shown = [...pinned, ...others].find((column) => column.id === id)?.width;
    const added = own === undefined || shown === undefined ? 0 : shown - own;
    columns.change(id, { width: Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, width - added)) });
  };
  const visible = useComputed(() =>
    rowWindow(scroll.value.top, size.value.height - head.value, ROW_HEIGHT, rows.count.value),
  );
  // The window as a string, so that the table renders again only when it has moved.
  const place = useComputed(() => {
    const { at, lefts } = layout.value;
    const { first, end } = visible.value;
    const { first: left, end: right } = columnWindow(at, scroll.value.left, size.value.width - lefts.at(-1)!);
    const [firstRow, endRow] = inSteps(first, end, ROW_STEP, rows.count.value);
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
  return { scroll, size, head, layout, first, end, rendered, resize, reveal };
}

/** Return a window that begins and ends at multiples of a step. */
function inSteps(first: number, end: number, step: number, most: number): [number, number] {
  return [first - (first % step), Math.min(most, Math.ceil(end / step) * step)];
}

/** Return whether the param of a column has only numbers. */
function isNumber({ kind, key }: Column, rows: readonly TableRow[]): boolean {
  if (kind !== 'param') {
    return false;
  }
  const values = rows.slice(0, SAMPLE).map((row) => row.params[key] ?? '');
  return values.some(Boolean) && values.every((value) => value === '' || Number.isFinite(Number(value)));
}

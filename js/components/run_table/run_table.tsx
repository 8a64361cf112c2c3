import { effect, useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { GroupRow, RunRow, TableRow, Number as Value } from '../../contract';
import { type Column, columnWindow, edges } from '../../logic/column_model';
import { columnTitle, GROUP_STATISTICS, groupName, STATISTIC_NAMES, statisticsOfGroup } from '../../logic/groups';
import { nameWidth as fittingWidth } from '../../logic/name_width';
import { nextOrder } from '../../logic/order';
import { commonParts } from '../../logic/shorten';
import { rowWindow } from '../../logic/window';
import type { BaselineRun, ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { TableItem, TableRows } from '../../state/rows';
import type { RunSearch } from '../../state/search';
import type { Selection } from '../../state/selection';
import { useUniqueId } from '../form/unique_id';
import { type Baseline, type CellContext, metricValue } from './cell';
import { Header, type HeaderActions, LEAST_WIDTH, MOST_WIDTH } from './header';
import { HeaderMenu, type MenuEntry } from './header_menu';
import {
  BaselineRow,
  GroupTableRow,
  groupNameWidth,
  groupStart,
  isNumeric,
  type RenderedColumns,
  Row,
  type RowActions,
  runNameWidth,
  type Subject,
} from './row';

const ROW_HEIGHT = 26;
const HEADER_HEIGHT = 50;
const HEAD_ROWS = 2;
const VISIBLE_ROWS = 12;
const TICK_WIDTH = 30;
const SWATCH_WIDTH = 34;
const NAME_WIDTH = 200;
/** How much wider metrics are while they show the difference from the baseline, in px. */
const DIFFERENCE_WIDTH = 88;
/** How much wider metrics are while groups show a mean and its standard deviation, in px. */
const GROUP_WIDTH = 62;
const RESIZE_STEP = 20;
/** The window moves in steps of so many rows, so that not every scrolled row renders the table again. */
const ROW_STEP = 4;
const COLUMN_STEP = 3;
/** The rows whose values say whether a param is a number, and whose names say how wide their column is. */
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
  rows: TableRows;
  groups: GroupPages;
  columns: ColumnState;
  folding: Folding;
  selection: Selection;
  /** Called to register the model of a run; null if nothing can be registered here. */
  register: ((row: RunRow) => void) | null;
}

/**
 * The runs that match the query, or groups of them, which unfold to their runs. Only the rows and columns in sight are in the page. The table is one tab stop: the arrow
 * keys move the active cell, Space selects a run, and Enter sorts by a header.
 */
export function RunTable(props: Props) {
  const { query, search, pages, rows, groups, columns, folding, selection, register } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLTableElement>(null);
  const id = useUniqueId();
  const scroll = useSignal({ top: 0, left: 0 });
  const size = useSignal({ height: ROW_HEIGHT * VISIBLE_ROWS + HEADER_HEIGHT, width: 1200, bar: 0 });
  /** The active cell: a row, -1 for the header, and a column, 0 for the name. */
  const active = useSignal({ row: 0, column: 0 });
  /** The column whose menu is open. */
  const menu = useSignal<{ column: Column; at: number; left: number } | null>(null);
  const total = rows.count.value;
  const by = groups.by.value;
  const tree = by !== null || (folding.grouped.value && pages.nested.value > 0);
  const name = useMemo((): Column => (by === null ? NAME : { ...NAME, id: by, title: columnTitle(by) }), [by]);
  const baselineRow = useComputed((): { row: BaselineRun | null; group: GroupRow | null } | null => {
    const [row, group] = [columns.baseline.value, groups.baseline.value];
    if (selection.baselineGroup.value !== null) {
      return group && group.key === selection.baselineGroup.value ? { row: null, group } : null;
    }
    return row && row.run_id === selection.baseline.value ? { row, group: null } : null;
  });
  const baseline = useComputed((): Baseline | null => {
    const { row, group } = baselineRow.value ?? { row: null, group: null };
    return row
      ? { kind: 'run', id: row.run_id, value: (column) => metricValue(row, column) }
      : group
        ? { kind: 'group', id: group.key, value: (column) => statisticsOfGroup(group, column)?.mean }
        : null;
  });
  /** The height of the rows that do not scroll. */
  const head = useComputed(() => HEADER_HEIGHT + (baseline.value ? ROW_HEIGHT : 0));
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
  const layout = useComputed(() => {
    const wider = (baseline.value ? DIFFERENCE_WIDTH : 0) + (groups.by.value === null ? 0 : GROUP_WIDTH);
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
  const bestMeans = useMemo(() => {
    const best = groups.total.value > 1 ? [...groups.best.value] : [];
    const means = best.map(([metric, key]) => [metric, groups.group(key)?.metrics[metric]?.mean] as const);
    return new Map(means.filter((entry): entry is [string, Value] => entry[1] != null));
  }, [groups.best.value, groups.pages.value, groups.total.value > 1]);
  const firstGroups = groups.pages.value.get(0);
  const common = useMemo(
    () =>
      commonParts(
        by === null
          ? sample.slice(0, SAMPLE).map(({ run_name }) => run_name)
          : (firstGroups ?? []).slice(0, SAMPLE).map(groupName),
      ),
    [by, sample, firstGroups],
  );
  const context = useMemo(
    (): CellContext => ({
      best: columns.alone.value ? new Map() : columns.best.value,
      lower: columns.lower.value,
      // A single group cannot be the best of several.
      bestGroups: groups.total.value > 1 ? groups.best.value : new Map(),
      bestMeans,
      statistic: query.statistic.value,
      by,
      baseline: baseline.value,
      common,
      above: HEAD_ROWS + (baseline.value ? 1 : 0),
      register: register === null ? null : (row) => stable.current.register?.(row),
    }),
    [
      columns.alone.value,
      columns.best.value,
      columns.lower.value,
      groups.best.value,
      groups.total.value > 1,
      bestMeans,
      query.statistic.value,
      by,
      baseline.value,
      common,
      register === null,
    ],
  );
  const stable = useRef({ register, openMenu: (_column: Column, _at: number) => {} });

  useEffect(() => {
    search.ensure(first, end, [...rendered.pinned, ...rendered.scrolled]);
  }, [first, end, rendered, pages.pages.value, groups.pages.value, groups.unfolded.value]);
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
      const width = column === name ? layout.peek().nameWidth : column.width;
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
      register?.(run);
    } else if (key === 'b' || key === 'B') {
      const subject = subjectOf(item);
      const { kind, id } = baseline.peek() ?? {};
      actions.setBaseline(kind === subject.kind && id === subject.id ? null : subject);
    } else {
      return column === 0 && tree && (key === 'ArrowLeft' || key === 'ArrowRight') && foldOrLeave(key, index, item);
    }
    return true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { row: at, column } = active.peek();
    const page = Math.max(1, Math.floor((size.peek().height - head.peek()) / ROW_HEIGHT) - 1);
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
      End: all ? [total - 1, column] : [at, rendered.count],
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

  const openMenu = (column: Column, at: number) => {
    reveal(at);
    const cell = grid.current?.querySelector<HTMLElement>(`th[aria-colindex="${at + 3}"]`);
    const left = (cell?.getBoundingClientRect().left ?? 0) - (scroller.current?.getBoundingClientRect().left ?? 0);
    menu.value = { column, at, left };
  };
  /** Return the entries of the menu of a column. */
  const menuOf = (column: Column, at: number): MenuEntry[] => {
    const order = query.orders.peek().find((each) => each.column === column.id);
    const isName = at === 0;
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
  const { pinned, scrolled, window, lefts, nameWidth } = rendered;
  const width = lefts.at(-1)! + layout.value.at.at(-1)!;
  const header = (column: Column, at: number, extra = '', stick?: number) => (
    <Header
      key={column.id}
      id={id}
      class={`${extra} ${isNumeric(column, rendered.numeric) ? 'nbt-number' : ''}`}
      column={column}
      orders={query.orders.value}
      actions={headerActions}
      left={stick}
      at={at}
      active={active.value.row === -1 && active.value.column === at}
      guessed={columns.guessed.value.has(column.key)}
      lowerIsBetter={columns.lower.value.has(column.key)}
      movable={at > 0}
    />
  );
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
              {header({ ...name, width: nameWidth }, 0, 'nbt-pinned nbt-pin-2')}
              {pinned.map((column, i) => header(column, i + 1, 'nbt-pinned nbt-pinned-column', lefts[i]))}
              <td class="nbt-gap" aria-hidden="true" />
              {scrolled.map((column, i) =>
                header(column, 1 + pinned.length + window.first + i, groupStart(scrolled, i) ? 'nbt-group-start' : ''),
              )}
              <td class="nbt-gap" aria-hidden="true" />
            </tr>
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
          </thead>
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
          entries={menuOf(menu.value.column, menu.value.at)}
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

function subjectOf({ group, run }: TableItem): Subject {
  return run ? { kind: 'run', id: run.run_id } : { kind: 'group', id: group?.key ?? '' };
}

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { RunRow, TableRow } from '../contract';
import { plural } from '../logic/format';
import { nextOrder, type Order } from '../logic/order';
import { rowWindow } from '../logic/window';
import { type Column, columnsFor, RUN_COLUMNS } from './columns';
import type { ComparisonState } from './comparison_state';
import { StatusGlyph } from './status';
import { Swatch } from './swatch';

const ROW = 26;
const HEAD = 50;
const SHOWN_ROWS = 12;
const NAME = 180;
/** Per level that a run is nested in; deeper ones stand no further in. */
const INDENT = 14;
const DEEPEST = 5;
const MODEL = 88;

interface Props {
  state: ComparisonState;
  register: (row: RunRow) => void;
}

/** The matching runs: only the rows in sight are in the page. Arrow keys move, left and right fold, Space ticks. */
export function RunTable({ state, register }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const viewport = useSignal(ROW * SHOWN_ROWS);
  const focused = useSignal(0);
  const columns = useComputed(() => {
    // One run alone differs from nothing, and is the best of nothing.
    const alone = state.total.value === 1;
    const params = state.params.value.filter((param) => alone || state.allParams.value || param.differs);
    return columnsFor(params, state.metrics.value, alone ? {} : state.best.value, state.sample.value);
  }).value;
  const total = state.count.value;
  const tree = state.grouped.value && state.nested.value > 0;
  const view = rowWindow(top.value, viewport.value, ROW, total);

  useEffect(() => state.ensure(view.first, view.end), [view.first, view.end, state.pages.value]);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => {
      viewport.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    focused.value = Math.min(focused.value, Math.max(0, total - 1));
  }, [total]);

  const focus = (index: number) => {
    const next = Math.max(0, Math.min(total - 1, index));
    const element = scroller.current!;
    const y = next * ROW;
    if (y < element.scrollTop) {
      element.scrollTop = y;
    } else if (y + ROW > element.scrollTop + element.clientHeight - HEAD) {
      element.scrollTop = y + ROW - element.clientHeight + HEAD;
    }
    top.value = element.scrollTop;
    focused.value = next;
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true }));
  };
  /** In a tree: unfold, then go to what is nested; fold, then go to the parent. */
  const sideways = (key: string, row: TableRow): number | undefined => {
    const open = state.unfolded.value.has(row.run_id);
    if ((key === 'ArrowRight' && row.children > 0 && !open) || (key === 'ArrowLeft' && row.children > 0 && open)) {
      state.fold(focused.value, !open);
      return focused.value;
    }
    if (key === 'ArrowRight' && row.children > 0) {
      return focused.value + 1;
    }
    if (key === 'ArrowLeft' && row.depth > 0) {
      let above = focused.value - 1;
      while (above > 0 && (state.row(above)?.depth ?? row.depth) >= row.depth) {
        above -= 1;
      }
      return above;
    }
    return undefined;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.floor(viewport.value / ROW) - 2;
    const moves: Record<string, number> = {
      ArrowDown: focused.value + 1,
      ArrowUp: focused.value - 1,
      PageDown: focused.value + page,
      PageUp: focused.value - page,
      Home: 0,
      End: total - 1,
    };
    const row = state.row(focused.value);
    const target = moves[event.key] ?? (row && tree ? sideways(event.key, row) : undefined);
    // JupyterLab listens for keys on the notebook: what is used here goes no further.
    if (target !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      focus(target);
    } else if (event.key === ' ' && row && (event.target as HTMLElement).closest('button') === null) {
      event.preventDefault();
      event.stopPropagation();
      state.toggle(row.run_id);
    }
  };

  const counts = { param: 0, metric: 0, run: 0 };
  columns.forEach((column) => {
    counts[column.group] += 1;
  });
  const width = 30 + 34 + NAME + [...columns, ...RUN_COLUMNS].reduce((sum, column) => sum + column.width, 0) + MODEL;
  const header = (column: Column, i: number, all: Column[]) => (
    <Header
      key={column.id}
      class={cellClass(column, i, all)}
      title={column.title}
      column={column.sort}
      order={state.order.value}
      sort={(order) => state.sort(order)}
    />
  );
  return (
    <div
      class="nbt-table-scroll"
      ref={scroller}
      style={{ maxHeight: `${HEAD + ROW * SHOWN_ROWS + 10}px` }}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <table
        class="nbt-table nbt-runs"
        role={tree ? 'treegrid' : 'grid'}
        aria-label="Runs"
        aria-rowcount={total + 2}
        aria-multiselectable="true"
        aria-busy={state.busy.value}
        style={{ width: `${width}px` }}
      >
        <colgroup>
          <col style={{ width: '30px' }} />
          <col style={{ width: '34px' }} />
          <col style={{ width: `${NAME}px` }} />
          {columns.map((column) => (
            <col key={column.id} style={{ width: `${column.width}px` }} />
          ))}
          <col style={{ width: `${MODEL}px` }} />
          {RUN_COLUMNS.map((column) => (
            <col key={column.id} style={{ width: `${column.width}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr class="nbt-groups">
            <th colSpan={3} class="nbt-pinned nbt-pin-0" />
            {counts.param > 0 && (
              <th colSpan={counts.param} class="nbt-group" scope="colgroup">
                Params
              </th>
            )}
            {counts.metric > 0 && (
              <th colSpan={counts.metric} class="nbt-group" scope="colgroup">
                Metrics, last value
              </th>
            )}
            <th colSpan={1 + RUN_COLUMNS.length} />
          </tr>
          <tr>
            <th class="nbt-pinned nbt-pin-0" aria-label="Compared" />
            <th class="nbt-pinned nbt-pin-1" aria-label="Line" />
            <Header
              class="nbt-pinned nbt-pin-2"
              title="Run"
              column="attributes.run_name"
              order={state.order.value}
              sort={(order) => state.sort(order)}
            />
            {columns.map(header)}
            <th class="nbt-group-start" scope="col">
              Model
            </th>
            {RUN_COLUMNS.map(header)}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          {view.above > 0 && <tr class="nbt-space" aria-hidden="true" style={{ height: `${view.above}px` }} />}
          {Array.from({ length: view.end - view.first }, (_, i) => view.first + i).map((index) => (
            <Row
              key={index}
              index={index}
              row={state.row(index)}
              columns={columns}
              tree={tree}
              open={state.unfolded.value.has(state.row(index)?.run_id ?? '')}
              fold={(open) => {
                focused.value = index;
                state.fold(index, open);
              }}
              slot={state.slots.value.get(state.row(index)?.run_id ?? '')}
              tabbable={index === focused.value || (index === view.first && (focused.value < view.first || focused.value >= view.end))}
              toggle={(id) => state.toggle(id)}
              register={state.connection.live ? register : null}
              onFocus={() => {
                focused.value = index;
              }}
            />
          ))}
          {view.below > 0 && <tr class="nbt-space" aria-hidden="true" style={{ height: `${view.below}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

interface HeaderProps {
  title: string;
  column: string | null;
  order: Order | null;
  sort: (order: Order) => void;
  class: string;
}

function Header({ title, column, order, sort, class: name }: HeaderProps) {
  if (column === null) {
    return (
      <th class={name} scope="col" title={title}>
        {title}
      </th>
    );
  }
  const sorted = order?.column === column ? (order.descending ? 'descending' : 'ascending') : 'none';
  return (
    <th class={name} scope="col" aria-sort={sorted} data-column={column}>
      <button type="button" class="nbt-sort" title={`Sort by ${title}`} onClick={() => sort(nextOrder(order, column))}>
        <span class="nbt-sort-title">{title}</span>
        <span class="nbt-sort-mark" aria-hidden="true">
          {sorted === 'none' ? '' : sorted === 'ascending' ? '▲' : '▼'}
        </span>
      </button>
    </th>
  );
}

interface RowProps {
  index: number;
  row: TableRow | undefined;
  columns: Column[];
  /** Whether runs stand under their parents; then `open` says whether those nested in this one are shown. */
  tree: boolean;
  open: boolean;
  fold: (open: boolean) => void;
  slot: number | undefined;
  tabbable: boolean;
  toggle: (run_id: string) => void;
  register: ((row: RunRow) => void) | null;
  onFocus: () => void;
}

function Row({ index, row, columns, tree, open, fold, slot, tabbable, toggle, register, onFocus }: RowProps) {
  if (!row) {
    return (
      <tr class="nbt-row nbt-pending" data-index={index} aria-rowindex={index + 3} tabIndex={tabbable ? 0 : -1} onFocus={onFocus}>
        <td colSpan={columns.length + RUN_COLUMNS.length + 4}>…</td>
      </tr>
    );
  }
  const ticked = slot !== undefined;
  const cell = (column: Column, i: number, all: Column[]) => (
    <td key={column.id} class={cellClass(column, i, all)} title={column.hint(row)}>
      {column.cell(row)}
    </td>
  );
  return (
    <tr
      class={`nbt-row ${ticked ? 'nbt-ticked' : ''}`}
      data-index={index}
      data-run-id={row.run_id}
      aria-rowindex={index + 3}
      aria-selected={ticked}
      aria-level={tree ? row.depth + 1 : undefined}
      aria-expanded={row.children > 0 ? open : undefined}
      tabIndex={tabbable ? 0 : -1}
      onFocus={onFocus}
    >
      <td class="nbt-pinned nbt-pin-0">
        <input
          type="checkbox"
          class="nbt-tick"
          tabIndex={-1}
          aria-label={`Compare ${row.run_name}`}
          checked={ticked}
          onChange={() => toggle(row.run_id)}
        />
      </td>
      <td class="nbt-pinned nbt-pin-1">
        <Swatch slot={slot} />
      </td>
      <td
        class="nbt-pinned nbt-pin-2 nbt-name"
        title={`${row.run_name}\n${row.run_id}${row.note ? `\n${row.note}` : ''}`}
        style={tree ? { paddingLeft: `${4 + Math.min(row.depth, DEEPEST) * INDENT}px` } : undefined}
        onClick={() => toggle(row.run_id)}
      >
        {tree && <Twisty row={row} open={open} fold={fold} />}
        {row.status !== 'FINISHED' && <StatusGlyph status={row.status} />}
        {row.run_name}
        {row.children > 0 && !open && <span class="nbt-nested-count"> {row.children}</span>}
      </td>
      {columns.map(cell)}
      <td class="nbt-group-start">
        {row.models.length > 0 &&
          (register ? (
            <button type="button" class="nbt-link nbt-register" aria-label={`Register model of ${row.run_name}`} onClick={() => register(row)}>
              Register…
            </button>
          ) : (
            <span class="nbt-muted">logged</span>
          ))}
      </td>
      {RUN_COLUMNS.map(cell)}
    </tr>
  );
}

/** What folds a row with the mouse; with the keyboard the row itself does, by the arrows left and right. */
function Twisty({ row, open, fold }: { row: TableRow; open: boolean; fold: (open: boolean) => void }) {
  if (row.children === 0) {
    return <span class="nbt-twisty" />;
  }
  const what = `the ${plural(row.children, 'run')} nested in ${row.run_name}`;
  return (
    <button
      type="button"
      class="nbt-twisty"
      tabIndex={-1}
      aria-label={`${open ? 'Hide' : 'Show'} ${what}`}
      title={`${open ? 'Hide' : 'Show'} ${what}`}
      onClick={(event) => {
        event.stopPropagation();
        fold(!open);
      }}
    >
      {open ? '▾' : '▸'}
    </button>
  );
}

function cellClass(column: Column, index: number, all: Column[]): string {
  return `${column.numeric ? 'nbt-number' : ''} ${all[index - 1]?.group === column.group ? '' : 'nbt-group-start'}`;
}

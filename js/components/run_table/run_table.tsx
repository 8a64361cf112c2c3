import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { RunRow, TableRow } from '../../contract';
import { rowWindow } from '../../logic/window';
import type { ColumnState } from '../../state/columns';
import type { Folding } from '../../state/folding';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { RunSearch } from '../../state/search';
import type { Selection } from '../../state/selection';
import { type Column, cellClass, columnsFor, RUN_COLUMNS } from './columns';
import { Header } from './header';
import { Row } from './row';

const ROW_HEIGHT = 26;
const HEADER_HEIGHT = 50;
const VISIBLE_ROWS = 12;
const NAME_WIDTH = 180;
const MODEL_WIDTH = 88;

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
 * The runs that match the query. Only the visible rows are in the page. The up and down arrow keys move the focus, left
 * and right fold, and Space selects a run.
 */
export function RunTable({
  query,
  search,
  pages,
  columns: { shown, metrics, best, alone },
  folding,
  selection,
  register,
}: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const viewport = useSignal(ROW_HEIGHT * VISIBLE_ROWS);
  const focused = useSignal(0);
  const columns = useComputed(() =>
    columnsFor(shown.value, metrics.value, alone.value ? {} : best.value, pages.sample.value),
  ).value;
  const total = pages.count.value;
  const tree = folding.grouped.value && pages.nested.value > 0;
  const view = rowWindow(top.value, viewport.value, ROW_HEIGHT, total);

  useEffect(() => search.ensure(view.first, view.end), [view.first, view.end, pages.pages.value]);
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
    const y = next * ROW_HEIGHT;
    if (y < element.scrollTop) {
      element.scrollTop = y;
    } else if (y + ROW_HEIGHT > element.scrollTop + element.clientHeight - HEADER_HEIGHT) {
      element.scrollTop = y + ROW_HEIGHT - element.clientHeight + HEADER_HEIGHT;
    }
    top.value = element.scrollTop;
    focused.value = next;
    requestAnimationFrame(() =>
      element.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true }),
    );
  };
  /** In a tree, the right arrow unfolds, then moves to the first nested run. The left one folds, then moves to the parent. */
  const foldOrMove = (key: string, row: TableRow): number | undefined => {
    const open = folding.isOpen(row.run_id);
    if ((key === 'ArrowRight' && row.children > 0 && !open) || (key === 'ArrowLeft' && row.children > 0 && open)) {
      search.fold(focused.value, !open);
      return focused.value;
    }
    if (key === 'ArrowRight' && row.children > 0) {
      return focused.value + 1;
    }
    if (key === 'ArrowLeft' && row.depth > 0) {
      let above = focused.value - 1;
      while (above > 0 && (pages.row(above)?.depth ?? row.depth) >= row.depth) {
        above -= 1;
      }
      return above;
    }
    return undefined;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.floor(viewport.value / ROW_HEIGHT) - 2;
    const moves: Record<string, number> = {
      ArrowDown: focused.value + 1,
      ArrowUp: focused.value - 1,
      PageDown: focused.value + page,
      PageUp: focused.value - page,
      Home: 0,
      End: total - 1,
    };
    const row = pages.row(focused.value);
    const target = moves[event.key] ?? (row && tree ? foldOrMove(event.key, row) : undefined);
    // JupyterLab listens for keys on the notebook and must not see the ones that are used here.
    if (target !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      focus(target);
    } else if (event.key === ' ' && row && (event.target as HTMLElement).closest('button') === null) {
      event.preventDefault();
      event.stopPropagation();
      selection.toggle(row.run_id);
    }
  };

  const counts = { param: 0, metric: 0, run: 0 };
  columns.forEach((column) => {
    counts[column.group] += 1;
  });
  const width =
    30 + 34 + NAME_WIDTH + [...columns, ...RUN_COLUMNS].reduce((sum, column) => sum + column.width, 0) + MODEL_WIDTH;
  const header = (column: Column, i: number, all: Column[]) => (
    <Header
      key={column.id}
      class={cellClass(column, i, all)}
      title={column.title}
      column={column.sort}
      order={query.orders.value[0] ?? null}
      sort={(order) => search.sort(order)}
    />
  );
  return (
    <div
      class="nbt-table-scroll"
      ref={scroller}
      style={{ maxHeight: `${HEADER_HEIGHT + ROW_HEIGHT * VISIBLE_ROWS + 10}px` }}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: both a grid and a treegrid support it */}
      <table
        class="nbt-table nbt-runs"
        role={tree ? 'treegrid' : 'grid'}
        aria-label="Runs"
        aria-rowcount={total + 2}
        aria-multiselectable="true"
        aria-busy={search.busy.value}
        style={{ width: `${width}px` }}
      >
        <colgroup>
          <col style={{ width: '30px' }} />
          <col style={{ width: '34px' }} />
          <col style={{ width: `${NAME_WIDTH}px` }} />
          {columns.map((column) => (
            <col key={column.id} style={{ width: `${column.width}px` }} />
          ))}
          <col style={{ width: `${MODEL_WIDTH}px` }} />
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
            <th class="nbt-pinned nbt-pin-0" aria-label="Selected" />
            <th class="nbt-pinned nbt-pin-1" aria-label="Line" />
            <Header
              class="nbt-pinned nbt-pin-2"
              title="Run"
              column="attributes.run_name"
              order={query.orders.value[0] ?? null}
              sort={(order) => search.sort(order)}
            />
            {columns.map(header)}
            <th class="nbt-group-start" scope="col">
              Model
            </th>
            {RUN_COLUMNS.map(header)}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          <Space height={view.above} />
          {Array.from({ length: view.end - view.first }, (_, i) => view.first + i).map((index) => (
            <Row
              key={index}
              index={index}
              row={pages.row(index)}
              columns={columns}
              tree={tree}
              open={folding.isOpen(pages.row(index)?.run_id ?? '')}
              fold={(open) => {
                focused.value = index;
                search.fold(index, open);
              }}
              slot={selection.slots.value.get(pages.row(index)?.run_id ?? '')}
              tabbable={
                index === focused.value ||
                (index === view.first && (focused.value < view.first || focused.value >= view.end))
              }
              toggle={(id) => selection.toggle(id)}
              register={register}
              onFocus={() => {
                focused.value = index;
              }}
            />
          ))}
          <Space height={view.below} />
        </tbody>
      </table>
    </div>
  );
}

/** Takes the height of the rows above or below the visible ones. */
function Space({ height }: { height: number }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: this row cannot have the focus
  return height > 0 ? <tr class="nbt-space" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

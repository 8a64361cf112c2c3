import { useRef } from 'preact/hooks';
import { type Column, statisticTitle } from '../../logic/column_model';
import { nextOrder, type Order } from '../../logic/order';
import { Name } from '../value/name';

/** Longer titles are cut in the middle if their column is too narrow. */
const SHORT_TITLE = 10;
export const LEAST_WIDTH = 60;
export const MOST_WIDTH = 1000;
const DRAG_TYPE = 'application/x-nbtrack-column';

export interface HeaderActions {
  sort: (order: Order, add: boolean) => void;
  resize: (id: string, width: number) => void;
  /** Move a column in front of another one, or behind it. */
  moveTo: (id: string, beside: string, after: boolean) => void;
  openMenu: (column: Column, at: number) => void;
}

interface HeaderProps {
  id: string;
  column: Column;
  orders: readonly Order[];
  actions: HeaderActions;
  class: string;
  left?: number | undefined;
  /** The position of the column, from 1 for the one after the name. */
  at: number;
  active: boolean;
  /** Whether the direction of the metric was only guessed from its name. */
  guessed: boolean;
  lowerIsBetter: boolean;
  movable: boolean;
}

/**
 * A column header. A click sorts by the column, a click with Shift adds it to the order. It can be dragged to another
 * place, and its right edge resizes it. The keys are those of the table.
 */
export function Header(props: HeaderProps) {
  const { id, column, orders, actions, class: name, left, at, active, guessed, lowerIsBetter, movable } = props;
  const place = orders.findIndex((order) => order.column === column.id);
  const order = orders[place];
  const sorted = order ? (order.descending ? 'descending' : 'ascending') : 'none';
  const label = column.statistic === 'last' ? column.key : `${column.key}, ${statisticTitle(column.statistic)}`;
  const full = column.kind === 'run' ? column.title : label;
  const direction = column.kind === 'metric' ? `\n${lowerIsBetter ? 'Lower' : 'Higher'} is better` : '';
  const title = <Name text={column.title} short={SHORT_TITLE} />;
  return (
    <th
      class={`${name} ${active ? 'nbt-active' : ''}`}
      id={active ? `${id}-active` : undefined}
      scope="col"
      aria-colindex={at + 3}
      aria-sort={column.sortable ? sorted : undefined}
      data-column={column.id}
      style={left === undefined ? undefined : { left: `${left}px` }}
      title={`${full}${direction}${direction && guessed ? ', by its name' : ''}`}
      draggable={movable}
      onContextMenu={(event) => {
        event.preventDefault();
        event.stopPropagation();
        actions.openMenu(column, at);
      }}
      onDragStart={(event) => {
        event.dataTransfer?.setData(DRAG_TYPE, column.id);
        event.dataTransfer?.setData('text/plain', full);
      }}
      onDragOver={(event) => {
        if (movable && event.dataTransfer?.types.includes(DRAG_TYPE)) {
          event.preventDefault();
          event.currentTarget.dataset.drop = isBehind(event) ? 'after' : 'before';
        }
      }}
      onDragLeave={(event) => delete event.currentTarget.dataset.drop}
      onDrop={(event) => {
        delete event.currentTarget.dataset.drop;
        const moved = event.dataTransfer?.getData(DRAG_TYPE);
        if (movable && moved && moved !== column.id) {
          event.preventDefault();
          actions.moveTo(moved, column.id, isBehind(event));
        }
      }}
    >
      {column.sortable ? (
        <button
          type="button"
          class="nbt-sort"
          tabIndex={-1}
          aria-label={full}
          onClick={(event) => actions.sort(nextOrder(order ?? null, column.id, lowerIsBetter), event.shiftKey)}
        >
          <span class="nbt-sort-title">{title}</span>
          <span class="nbt-sort-mark" aria-hidden="true">
            {sorted === 'none' ? '' : sorted === 'ascending' ? '▲' : '▼'}
            {orders.length > 1 && place >= 0 ? place + 1 : ''}
          </span>
        </button>
      ) : (
        <span class="nbt-sort-title">{title}</span>
      )}
      <button
        type="button"
        class="nbt-menu-button"
        tabIndex={-1}
        aria-label={`Menu of ${full}`}
        aria-haspopup="menu"
        title="Menu (M)"
        onClick={(event) => {
          // The table would take the focus from the menu.
          event.stopPropagation();
          actions.openMenu(column, at);
        }}
      >
        ⋮
      </button>
      <Edge width={column.width} resize={(width) => actions.resize(column.id, width)} />
    </th>
  );
}

/** Return whether the pointer is in the right half of a header. */
function isBehind(event: DragEvent): boolean {
  const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return event.clientX > left + width / 2;
}

/** The right edge of a header, which can be dragged. The column follows the pointer, and its width is kept at the end. */
function Edge({ width, resize }: { width: number; resize: (width: number) => void }) {
  const start = useRef<{ x: number; width: number } | null>(null);
  const widthAt = (event: PointerEvent) =>
    Math.round(Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, start.current!.width + event.clientX - start.current!.x)));
  const show = (event: PointerEvent, next: number) => {
    const header = (event.currentTarget as HTMLElement).closest('th')!;
    header.closest('table')!.querySelectorAll('col')[header.cellIndex]!.style.width = `${next}px`;
  };
  return (
    <span
      class="nbt-edge"
      aria-hidden="true"
      draggable
      onDragStart={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width };
      }}
      onPointerMove={(event) => start.current && show(event, widthAt(event))}
      onPointerUp={(event) => {
        if (start.current) {
          resize(widthAt(event));
          start.current = null;
        }
      }}
      onPointerCancel={(event) => {
        show(event, width);
        start.current = null;
      }}
      onClick={(event) => event.stopPropagation()}
    />
  );
}

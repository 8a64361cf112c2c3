import type { TableRow } from '../../contract';
import type { Column, ColumnWindow } from '../../logic/column_model';
import { plural } from '../../logic/format';
import { memo } from '../memo';
import { StatusGlyph } from '../status/status';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';
import { type CellContext, cellContent, cellText } from './cell';

/** Indent in px for each level of nesting, up to the deepest one that is indented. */
const INDENT = 14;
const MAX_INDENTED = 5;

/** The columns that are rendered: those that are pinned, and the window of the others. */
export interface RenderedColumns {
  pinned: Column[];
  /** The left edges of the pinned columns in px. */
  lefts: number[];
  scrolled: Column[];
  window: ColumnWindow;
  /** The width of the name in px. */
  nameWidth: number;
  /** The number of all columns, rendered or not. */
  count: number;
  /** Whether a param has only numbers. */
  numeric: ReadonlySet<string>;
}

interface RowProps {
  id: string;
  index: number;
  row: TableRow | undefined;
  columns: RenderedColumns;
  context: CellContext;
  /** Whether nested runs are shown below their parents. If so, `open` tells whether those of this run are shown. */
  tree: boolean;
  open: boolean;
  fold: (index: number, open: boolean) => void;
  slot: number | undefined;
  /** Whether the run above is in another group. */
  starts: boolean;
  /** The position of the active cell of this row, from 0 for the name. -1 if another row is active. */
  active: number;
  toggle: (run_id: string) => void;
}

export const Row = memo(function Row(props: RowProps) {
  const { id, index, row, columns, context, tree, open, fold, slot, starts, active, toggle } = props;
  const { pinned, scrolled, window, lefts, numeric } = columns;
  if (!row) {
    return (
      <tr class="nbt-row nbt-pending" data-index={index} aria-rowindex={index + 3}>
        <td id={active >= 0 ? `${id}-active` : undefined} colSpan={pinned.length + scrolled.length + 5}>
          …
        </td>
      </tr>
    );
  }
  const selected = slot !== undefined;
  const isBaseline = context.baseline?.run_id === row.run_id;
  const cell = (column: Column, at: number, extra = '', left?: number) => (
    <td
      key={column.id}
      id={active === at ? `${id}-active` : undefined}
      class={`${extra} ${isNumeric(column, numeric) ? 'nbt-number' : ''} ${active === at ? 'nbt-active' : ''}`}
      style={left === undefined ? undefined : { left: `${left}px` }}
      aria-colindex={at + 3}
      title={cellText(row, column)}
    >
      {cellContent(row, column, context)}
    </td>
  );
  const indent = tree ? 4 + Math.min(row.depth, MAX_INDENTED) * INDENT : 8;
  return (
    <tr
      class={`nbt-row ${selected ? 'nbt-selected' : ''} ${isBaseline ? 'nbt-baseline' : ''} ${starts ? 'nbt-starts' : ''}`}
      data-index={index}
      data-run-id={row.run_id}
      aria-rowindex={index + 3}
      aria-selected={selected}
      aria-level={tree ? row.depth + 1 : undefined}
      aria-expanded={row.children > 0 ? open : undefined}
    >
      <td class="nbt-pinned nbt-pin-0" aria-colindex={1}>
        <input
          type="checkbox"
          class="nbt-checkbox"
          tabIndex={-1}
          aria-label={`Select ${row.run_name}`}
          checked={selected}
          onChange={() => toggle(row.run_id)}
        />
      </td>
      <td class="nbt-pinned nbt-pin-1" aria-colindex={2}>
        <Swatch slot={slot} />
      </td>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Space on the row does the same */}
      <td
        id={active === 0 ? `${id}-active` : undefined}
        class={`nbt-pinned nbt-pin-2 nbt-name ${active === 0 ? 'nbt-active' : ''}`}
        aria-colindex={3}
        title={`${row.run_name}\n${row.run_id}${row.note ? `\n${row.note}` : ''}`}
        style={{ paddingLeft: `${indent}px` }}
        onClick={() => toggle(row.run_id)}
      >
        <span class="nbt-name-line">
          {tree && <Twisty row={row} open={open} fold={(next) => fold(index, next)} />}
          {row.status !== 'FINISHED' && <StatusGlyph status={row.status} />}
          <Name text={row.run_name} />
          {isBaseline && <span class="nbt-baseline-mark">baseline</span>}
          {row.children > 0 && !open && <span class="nbt-nested-count"> {row.children}</span>}
        </span>
      </td>
      {pinned.map((column, i) => cell(column, i + 1, 'nbt-pinned nbt-pinned-column', lefts[i]))}
      <td class="nbt-gap" aria-hidden="true" />
      {scrolled.map((column, i) =>
        cell(column, 1 + pinned.length + window.first + i, groupStart(scrolled, i) ? 'nbt-group-start' : ''),
      )}
      <td class="nbt-gap" aria-hidden="true" />
    </tr>
  );
});

export function isNumeric(column: Column, numeric: ReadonlySet<string>): boolean {
  return (
    column.kind === 'metric' ||
    (column.kind === 'param' ? numeric.has(column.key) : column.key === 'start_time' || column.key === 'duration')
  );
}

export function groupStart(columns: readonly Column[], i: number): boolean {
  return i > 0 && columns[i - 1]!.group !== columns[i]!.group;
}

/** A button that folds a row. With the keyboard, the left and right arrow keys on the name do the same. */
function Twisty({ row, open, fold }: { row: TableRow; open: boolean; fold: (open: boolean) => void }) {
  if (row.children === 0) {
    return <span class="nbt-twisty" />;
  }
  const nested = `the ${plural(row.children, 'run')} nested in ${row.run_name}`;
  return (
    <button
      type="button"
      class="nbt-twisty"
      tabIndex={-1}
      aria-label={`${open ? 'Hide' : 'Show'} ${nested}`}
      title={`${open ? 'Hide' : 'Show'} ${nested}`}
      onClick={(event) => {
        event.stopPropagation();
        fold(!open);
      }}
    >
      {open ? '▾' : '▸'}
    </button>
  );
}

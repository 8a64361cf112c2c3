import type { RunRow, TableRow } from '../../contract';
import { plural } from '../../logic/format';
import { StatusGlyph } from '../status/status';
import { Swatch } from '../swatch/swatch';
import { type Column, cellClass, RUN_COLUMNS } from './columns';

/** Indent in px for each level of nesting, up to the deepest one that is indented. */
const INDENT = 14;
const MAX_INDENTED = 5;

interface RowProps {
  index: number;
  row: TableRow | undefined;
  columns: Column[];
  /** Whether nested runs are shown below their parents. If so, `open` tells whether those of this run are shown. */
  tree: boolean;
  open: boolean;
  fold: (open: boolean) => void;
  slot: number | undefined;
  tabbable: boolean;
  toggle: (run_id: string) => void;
  register: ((row: RunRow) => void) | null;
  onFocus: () => void;
}

export function Row({ index, row, columns, tree, open, fold, slot, tabbable, toggle, register, onFocus }: RowProps) {
  if (!row) {
    return (
      <tr
        class="nbt-row nbt-pending"
        data-index={index}
        aria-rowindex={index + 3}
        tabIndex={tabbable ? 0 : -1}
        onFocus={onFocus}
      >
        <td colSpan={columns.length + RUN_COLUMNS.length + 4}>…</td>
      </tr>
    );
  }
  const selected = slot !== undefined;
  const cell = (column: Column, i: number, all: Column[]) => (
    <td key={column.id} class={cellClass(column, i, all)} title={column.hint(row)}>
      {column.cell(row)}
    </td>
  );
  return (
    <tr
      class={`nbt-row ${selected ? 'nbt-selected' : ''}`}
      data-index={index}
      data-run-id={row.run_id}
      aria-rowindex={index + 3}
      aria-selected={selected}
      aria-level={tree ? row.depth + 1 : undefined}
      aria-expanded={row.children > 0 ? open : undefined}
      tabIndex={tabbable ? 0 : -1}
      onFocus={onFocus}
    >
      <td class="nbt-pinned nbt-pin-0">
        <input
          type="checkbox"
          class="nbt-checkbox"
          tabIndex={-1}
          aria-label={`Select ${row.run_name}`}
          checked={selected}
          onChange={() => toggle(row.run_id)}
        />
      </td>
      <td class="nbt-pinned nbt-pin-1">
        <Swatch slot={slot} />
      </td>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Space on the row does the same */}
      <td
        class="nbt-pinned nbt-pin-2 nbt-name"
        title={`${row.run_name}\n${row.run_id}${row.note ? `\n${row.note}` : ''}`}
        style={tree ? { paddingLeft: `${4 + Math.min(row.depth, MAX_INDENTED) * INDENT}px` } : undefined}
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
            <button
              type="button"
              class="nbt-link nbt-register"
              aria-label={`Register model of ${row.run_name}`}
              onClick={() => register(row)}
            >
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

/** A button that folds a row. With the keyboard, the left and right arrow keys on the row do the same. */
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

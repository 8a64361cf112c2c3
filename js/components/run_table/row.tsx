import type { ComponentChild, ComponentChildren } from 'preact';
import type { GroupRow, RunRow, TableRow } from '../../contract';
import type { Column, ColumnWindow } from '../../logic/column_model';
import { grouped, plural } from '../../logic/format';
import { groupName, groupText } from '../../logic/groups';
import { textWidth } from '../../logic/name_width';
import type { BaselineRun } from '../../state/columns';
import { memo } from '../memo';
import { StatusGlyph } from '../status/status';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';
import { type CellContext, cellContent, cellText } from './cell';
import { groupContent } from './group_cell';

/** Indent in px for each level of nesting, up to the deepest one that is indented. */
const INDENT = 14;
const MAX_INDENTED = 5;

/** The width in px of the buttons and marks beside a name, and the padding of its cell. */
const PADDING = 8;
const BESIDE_IN_TREE = 22;
const GLYPH = 16;
const COUNT_GAP = 8;

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

/** A run by its ID, or a group by its key. */
export interface Subject {
  kind: 'run' | 'group';
  id: string;
}

/** What can be done with a row. They are the same functions for as long as the table is shown. */
export interface RowActions {
  toggle: (subject: Subject) => void;
  fold: (index: number, open: boolean) => void;
  /** Compare the others with a run or a group. Null ends this. */
  setBaseline: (subject: Subject | null) => void;
}

interface RowProps {
  id: string;
  index: number;
  row: TableRow | undefined;
  columns: RenderedColumns;
  context: CellContext;
  /** How deep the row is below others, from 0. Null if no row is below another one. */
  depth: number | null;
  /** Whether the nested runs are shown. */
  open: boolean;
  selected: boolean;
  /** Its line style if it is drawn: it is selected, or the baseline. */
  slot: number | undefined;
  /** The position of the active cell of this row, from 0 for the name. -1 if another row is active. */
  active: number;
  actions: RowActions;
}

/** The row of a run. */
export const Row = memo(function Row(props: RowProps) {
  const { id, index, row, columns, context, depth, open, selected, active, actions } = props;
  if (!row) {
    return <PendingRow {...props} />;
  }
  const subject: Subject = { kind: 'run', id: row.run_id };
  return (
    <tr
      class={`nbt-row ${selected ? 'nbt-selected' : ''} ${isBaseline(subject, context) ? 'nbt-baseline' : ''}`}
      data-index={index}
      data-run-id={row.run_id}
      aria-rowindex={index + context.above + 1}
      aria-selected={selected}
      aria-level={depth === null ? undefined : depth + 1}
      aria-expanded={row.children > 0 ? open : undefined}
    >
      <Lead {...props} subject={subject} name={row.run_name} hint={hintOf(row)}>
        {depth !== null && (
          <Twisty
            nested={row.children > 0 ? `the ${plural(row.children, 'run')} nested in ${row.run_name}` : ''}
            open={open}
            fold={(next) => actions.fold(index, next)}
          />
        )}
        {row.status !== 'FINISHED' && <StatusGlyph status={row.status} />}
        <Name text={row.run_name} common={context.common} />
        {row.children > 0 && !open && <span class="nbt-nested-count"> {row.children}</span>}
      </Lead>
      <Cells
        id={id}
        columns={columns}
        active={active}
        text={(column) => cellText(row, column)}
        content={(column) => cellContent(row, column, context)}
      />
    </tr>
  );
});

interface GroupRowProps extends Omit<RowProps, 'row' | 'depth'> {
  group: GroupRow;
  /** The title of the column by whose values runs are grouped. */
  by: string;
}

/** The row of a group of runs. */
export const GroupTableRow = memo(function GroupTableRow(props: GroupRowProps) {
  const { id, index, group, by, columns, context, open, selected, active, actions } = props;
  const subject: Subject = { kind: 'group', id: group.key };
  const name = groupName(group);
  return (
    <tr
      class={`nbt-row nbt-group-row ${selected ? 'nbt-selected' : ''} ${isBaseline(subject, context) ? 'nbt-baseline' : ''}`}
      data-index={index}
      data-group={group.key}
      aria-rowindex={index + context.above + 1}
      aria-selected={selected}
      aria-level={1}
      aria-expanded={open}
    >
      <Lead
        {...props}
        depth={0}
        subject={subject}
        name={`${by} ${name}`}
        hint={`${by}: ${name}\n${plural(group.runs, 'run')}`}
      >
        <Twisty
          nested={`the ${plural(group.runs, 'run')} of ${by} ${name}`}
          open={open}
          fold={(next) => actions.fold(index, next)}
        />
        {group.value === null ? <span class="nbt-missing">{name}</span> : <Name text={name} common={context.common} />}
        <span class="nbt-nested-count">{grouped(group.runs)}</span>
      </Lead>
      <Cells
        id={id}
        columns={columns}
        active={active}
        text={(column) => groupText(group, column)}
        content={(column) => groupContent(group, column, context)}
      />
    </tr>
  );
});

/** The run or the group that the others are compared with. It stays below the header while the table scrolls. */
export function BaselineRow(props: {
  row: BaselineRun | null;
  group: GroupRow | null;
  columns: RenderedColumns;
  context: CellContext;
  slot: number | undefined;
  actions: RowActions;
}) {
  const { row, group, columns, context, slot, actions } = props;
  const name = group ? groupName(group) : (row?.run_name ?? '');
  const run = row && { ...row, depth: 0, children: 0, nested_best: {} };
  const text = (column: Column) => (group ? groupText(group, column) : run ? cellText(run, column) : '');
  const content = (column: Column) =>
    group ? groupContent(group, column, context) : run ? cellContent(run, column, context) : null;
  return (
    <tr class="nbt-pinned-baseline" aria-rowindex={context.above}>
      <td class="nbt-pinned nbt-pin-0" aria-colindex={1}>
        <button
          type="button"
          class="nbt-twisty"
          tabIndex={-1}
          aria-label="Remove the baseline"
          title="Remove the baseline"
          onClick={() => actions.setBaseline(null)}
        >
          ✕
        </button>
      </td>
      <td class="nbt-pinned nbt-pin-1" aria-colindex={2}>
        <Swatch slot={slot} />
      </td>
      <td class="nbt-pinned nbt-pin-2 nbt-name" aria-colindex={3} title={group ? name : row ? hintOf(row) : ''}>
        <span class="nbt-name-line">
          <Name text={name} common={context.common} />
          {group && <span class="nbt-nested-count">{grouped(group.runs)}</span>}
          <span class="nbt-baseline-mark">baseline</span>
        </span>
      </td>
      <Cells id="" columns={columns} active={-1} text={text} content={content} />
    </tr>
  );
}

function PendingRow({ id, index, columns, context, active }: RowProps) {
  return (
    <tr class="nbt-row nbt-pending" data-index={index} aria-rowindex={index + context.above + 1}>
      <td id={active >= 0 ? `${id}-active` : undefined} colSpan={columns.pinned.length + columns.scrolled.length + 5}>
        …
      </td>
    </tr>
  );
}

interface LeadProps extends Pick<RowProps, 'id' | 'selected' | 'slot' | 'active' | 'context' | 'actions' | 'depth'> {
  subject: Subject;
  /** What the checkbox selects. */
  name: string;
  hint: string;
  children: ComponentChildren;
}

/** The first cells of a row: its checkbox, its line, and its name. */
function Lead({ id, selected, slot, active, context, actions, depth, subject, name, hint, children }: LeadProps) {
  const compared = isBaseline(subject, context);
  const indent = depth === null ? 8 : 4 + Math.min(depth, MAX_INDENTED) * INDENT;
  return (
    <>
      <td class="nbt-pinned nbt-pin-0" aria-colindex={1}>
        <input
          type="checkbox"
          class="nbt-checkbox"
          tabIndex={-1}
          aria-label={`Select ${name}`}
          checked={selected}
          onChange={() => actions.toggle(subject)}
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
        data-name={name}
        title={hint}
        style={{ paddingLeft: `${indent}px` }}
        onClick={() => actions.toggle(subject)}
      >
        <span class="nbt-name-line">
          {children}
          <button
            type="button"
            class={`nbt-baseline-mark ${compared ? '' : 'nbt-baseline-offer'}`}
            tabIndex={-1}
            aria-pressed={compared}
            aria-label={compared ? `${name} is the baseline` : `Make ${name} the baseline`}
            title={compared ? 'Remove the baseline (B)' : 'Compare the others with this row (B)'}
            onClick={(event) => {
              event.stopPropagation();
              actions.setBaseline(compared ? null : subject);
            }}
          >
            baseline
          </button>
        </span>
      </td>
    </>
  );
}

interface CellsProps extends Pick<RowProps, 'id' | 'columns' | 'active'> {
  text: (column: Column) => string;
  content: (column: Column) => ComponentChild;
}

/** The cells of the columns that are rendered. */
function Cells({ id, columns, active, text, content }: CellsProps) {
  const { pinned, scrolled, window, lefts, numeric } = columns;
  const cell = (column: Column, at: number, extra = '', left?: number) => (
    <td
      key={column.id}
      id={active === at ? `${id}-active` : undefined}
      class={`${extra} ${isNumeric(column, numeric) ? 'nbt-number' : ''} ${active === at ? 'nbt-active' : ''}`}
      style={left === undefined ? undefined : { left: `${left}px` }}
      aria-colindex={at + 3}
      title={text(column)}
    >
      {content(column)}
    </td>
  );
  return (
    <>
      {pinned.map((column, i) => cell(column, i + 1, 'nbt-pinned nbt-pinned-column', lefts[i]))}
      <td class="nbt-gap" aria-hidden="true" />
      {scrolled.map((column, i) =>
        cell(column, 1 + pinned.length + window.first + i, groupStart(scrolled, i) ? 'nbt-group-start' : ''),
      )}
      <td class="nbt-gap" aria-hidden="true" />
    </>
  );
}

function isBaseline(subject: Subject, { baseline }: CellContext): boolean {
  return baseline !== null && baseline.kind === subject.kind && baseline.id === subject.id;
}

/** Return how much room the name of a run needs in px, with what is beside it. */
export function runNameWidth({ run_name, depth, children, status }: TableRow, inTree: boolean): number {
  const indent = inTree ? BESIDE_IN_TREE + Math.min(depth, MAX_INDENTED) * INDENT : PADDING;
  const glyph = status === 'FINISHED' ? 0 : GLYPH;
  return indent + glyph + textWidth(run_name) + countWidth(children) + PADDING;
}

/** Return how much room the name of a group needs in px, with what is beside it. */
export function groupNameWidth(group: GroupRow): number {
  return BESIDE_IN_TREE + textWidth(groupName(group), true) + countWidth(group.runs) + PADDING;
}

function countWidth(count: number): number {
  return count === 0 ? 0 : COUNT_GAP + textWidth(grouped(count));
}

function hintOf(row: RunRow): string {
  return `${row.run_name}\n${row.run_id}${row.note ? `\n${row.note}` : ''}`;
}

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
function Twisty({ nested, open, fold }: { nested: string; open: boolean; fold: (open: boolean) => void }) {
  if (nested === '') {
    return <span class="nbt-twisty" />;
  }
  const label = `${open ? 'Hide' : 'Show'} ${nested}`;
  return (
    <button
      type="button"
      class="nbt-twisty"
      tabIndex={-1}
      aria-label={label}
      title={label}
      onClick={(event) => {
        event.stopPropagation();
        fold(!open);
      }}
    >
      {open ? '▾' : '▸'}
    </button>
  );
}

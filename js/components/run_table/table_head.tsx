import type { ComponentChildren } from 'preact';
import type { Column } from '../../logic/column_model';
import type { ColumnState } from '../../state/columns';
import type { QueryState } from '../../state/query';
import { Header, type HeaderActions } from './header';
import { groupStart, isNumeric, type RenderedColumns } from './row';
import { SWATCH_WIDTH, TICK_WIDTH } from './use_table_window';

interface Props {
  id: string;
  /** The column of names. */
  name: Column;
  rendered: RenderedColumns;
  query: QueryState;
  columns: ColumnState;
  /** The active column of the header, or -1. */
  active: number;
  actions: HeaderActions;
  /** The row of the baseline, if there is one. */
  children: ComponentChildren;
}

/** The widths of the columns, their titles in two rows, and the row of the baseline. */
export function TableHead({ id, name, rendered, query, columns, active, actions, children }: Props) {
  const { pinned, scrolled, window, lefts, nameWidth } = rendered;
  const header = (column: Column, at: number, extra = '', stick?: number) => (
    <Header
      key={column.id}
      id={id}
      class={`${extra} ${isNumeric(column, rendered.numeric) ? 'nbt-number' : ''}`}
      column={column}
      orders={query.orders.value}
      actions={actions}
      left={stick}
      at={at}
      active={active === at}
      guessed={columns.guessed.value.has(column.key)}
      lowerIsBetter={columns.lower.value.has(column.key)}
      movable={at > 0}
    />
  );
  return (
    <>
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
        {children}
      </thead>
    </>
  );
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

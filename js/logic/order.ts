import type { RunRow } from '../contract';
import { toNumber } from './format';

export interface Order {
  column: string;
  descending: boolean;
}

/** Return a key as it is written in a filter or an order_by clause: `metrics.acc`, quoted if it is not an identifier. */
export function quoted(entity: string, key: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
    return `${entity}.${key}`;
  }
  return key.includes('`') ? `${entity}."${key}"` : `${entity}.\`${key}\``;
}

export function clause(order: Order): string {
  return `${order.column} ${order.descending ? 'DESC' : 'ASC'}`;
}

/** Parse an order_by clause. Its column is written as by `quoted`, so that it equals the column of a header. */
export function parseClause(text: string | undefined): Order | null {
  const [, column = '', direction = ''] = text?.trim().match(/^(.*?)(?:\s+(ASC|DESC))?$/i) ?? [];
  if (column === '') {
    return null;
  }
  const [, entity, key] = column.match(/^(metric|param|tag|attribute)s?\.[`"]?(.*?)[`"]?$/) ?? [];
  return {
    column: entity && key ? quoted(`${entity}s`, key) : column,
    descending: direction.toUpperCase() === 'DESC',
  };
}

/** Return the order after a click on a header: numbers descending first, strings ascending, then reversed. */
export function nextOrder(current: Order | null, column: string): Order {
  if (current?.column === column) {
    return { column, descending: !current.descending };
  }
  return { column, descending: !column.startsWith('params.') && !column.startsWith('attributes.run_name') };
}

/** Sort rows as the kernel does: missing values last, NaN just before them, in both directions. */
export function sortRuns<R extends RunRow>(rows: R[], orderBy: string[]): R[] {
  const order = parseClause(orderBy[0]);
  if (!order) {
    return rows;
  }
  const sign = order.descending ? -1 : 1;
  const rank = (value: string | number | null) => (value === null ? 2 : Number.isNaN(value) ? 1 : 0);
  return rows
    .map((row) => ({ row, value: cell(row, order.column) }))
    .sort(({ value: a }, { value: b }) => {
      if (rank(a) || rank(b)) {
        return rank(a) - rank(b);
      }
      return a === b ? 0 : sign * (a! < b! ? -1 : 1);
    })
    .map(({ row }) => row);
}

function cell(row: RunRow, column: string): string | number | null {
  const [, entity = '', key = ''] = column.match(/^(\w+)\.[`"]?(.*?)[`"]?$/) ?? [];
  if (entity === 'metrics') {
    return key in row.metrics ? toNumber(row.metrics[key]) : null;
  }
  if (entity === 'params') {
    return row.params[key] ?? null;
  }
  if (key === 'duration') {
    return row.end_time === null ? null : row.end_time - row.start_time;
  }
  return (row[key as 'start_time' | 'run_name' | 'status'] as string | number | undefined) ?? null;
}

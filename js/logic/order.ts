import type { RunRow, TableRow } from '../contract';
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

/**
 * Return the order after a click on a header: the best value of a metric first, other numbers descending, strings
 * ascending. The next click reverses it.
 */
export function nextOrder(current: Order | null, column: string, lowerIsBetter = false): Order {
  if (current?.column === column) {
    return { column, descending: !current.descending };
  }
  return {
    column,
    descending: !lowerIsBetter && !/^(params|tags|datasets)\.|^attributes\.(run_name|parent)/.test(column),
  };
}

/** Sort rows as the kernel does: missing values last, NaN just before them, in both directions. */
export function sortRuns<R extends RunRow>(rows: R[], orderBy: string[]): R[] {
  const orders = orderBy.map(parseClause).filter((order): order is Order => order !== null);
  const rank = (value: string | number | null) => (value === null ? 2 : Number.isNaN(value) ? 1 : 0);
  return rows
    .map((row) => ({ row, values: orders.map(({ column }) => cell(row, column)) }))
    .sort((left, right) => {
      for (const [i, { descending }] of orders.entries()) {
        const [a, b] = [left.values[i]!, right.values[i]!];
        if (rank(a) !== rank(b)) {
          return rank(a) - rank(b);
        }
        if (rank(a) === 0 && a !== b) {
          return (descending ? -1 : 1) * (a < b ? -1 : 1);
        }
      }
      return 0;
    })
    .map(({ row }) => row);
}

function cell(row: RunRow, column: string): string | number | null {
  const [, entity = '', key = ''] = column.match(/^(\w+)\.[`"]?(.*?)[`"]?$/) ?? [];
  const [, statistic, inner] = column.match(/^(min|max|first|mean)\(metrics\.[`"]?(.*?)[`"]?\)$/) ?? [];
  if (statistic && inner !== undefined) {
    const all = (row as Partial<TableRow>).statistics?.[inner];
    return all ? toNumber({ min: all.low, max: all.high, first: all.first, mean: all.mean }[statistic]) : null;
  }
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

import type { ComponentChildren } from 'preact';
import type { ParamColumn, RunRow, TableRow } from '../../contract';
import { exactNumber, formatDuration, formatNumber, formatTime } from '../../logic/format';
import { quoted } from '../../logic/order';
import { StatusBadge } from '../status/status';

/** A column of the run table. */
export interface Column {
  id: string;
  title: string;
  /** The column in an order_by clause. Null if the store cannot sort by it. */
  sort: string | null;
  /** In px. */
  width: number;
  numeric: boolean;
  group: 'run' | 'param' | 'metric';
  cell: (row: TableRow) => ComponentChildren;
  hint: (row: TableRow) => string;
}

const CHARACTER_WIDTH = 7.6;
const PADDING = 30;

export function columnsFor(
  params: ParamColumn[],
  metrics: string[],
  best: Record<string, string>,
  rows: RunRow[],
): Column[] {
  return [...params.map((param) => paramColumn(param, rows)), ...metrics.map((key) => metricColumn(key, best[key]))];
}

/** The columns of every run. They come after params and metrics, because runs are compared by those. */
export const RUN_COLUMNS: Column[] = [
  {
    id: 'status',
    title: 'Status',
    sort: 'attributes.status',
    width: 92,
    numeric: false,
    group: 'run',
    cell: (row) => <StatusBadge status={row.status} />,
    hint: (row) => row.status,
  },
  {
    id: 'start_time',
    title: 'Started',
    sort: 'attributes.start_time',
    width: 104,
    numeric: true,
    group: 'run',
    cell: (row) => formatTime(row.start_time),
    hint: (row) => new Date(row.start_time).toLocaleString(),
  },
  {
    id: 'duration',
    title: 'Duration',
    sort: 'attributes.duration',
    width: 92,
    numeric: true,
    group: 'run',
    cell: (row) => (row.end_time === null ? '' : formatDuration(row.end_time - row.start_time)),
    hint: (row) => (row.end_time === null ? 'Not ended yet' : `${row.end_time - row.start_time} ms`),
  },
];

function paramColumn({ key }: ParamColumn, rows: RunRow[]): Column {
  const values = rows.slice(0, 50).map((row) => row.params[key] ?? '');
  return {
    id: `param:${key}`,
    title: key,
    sort: quoted('params', key),
    width: widthFor(key, values),
    numeric: values.some(Boolean) && values.every((value) => value === '' || Number.isFinite(Number(value))),
    group: 'param',
    cell: (row) => row.params[key] ?? '',
    hint: (row) => row.params[key] ?? '',
  };
}

function metricColumn(key: string, best: string | undefined): Column {
  return {
    id: `metric:${key}`,
    title: key,
    sort: quoted('metrics', key),
    width: widthFor(key, ['−0.00000']),
    numeric: true,
    group: 'metric',
    cell: (row) => {
      if (!(key in row.metrics) && key in row.nested_best) {
        return <span class="nbt-nested-best">{formatNumber(row.nested_best[key])}</span>;
      }
      return row.run_id === best ? (
        <b class="nbt-best" title="Best of the matching runs">
          {formatNumber(row.metrics[key])}
        </b>
      ) : (
        formatNumber(row.metrics[key])
      );
    },
    hint: (row) =>
      !(key in row.metrics) && key in row.nested_best
        ? `${exactNumber(row.nested_best[key])}, the best value of its nested runs`
        : exactNumber(row.metrics[key]),
  };
}

function widthFor(title: string, values: string[]): number {
  const characters = Math.max(title.length, ...values.map((value) => value.length));
  return Math.round(Math.min(220, Math.max(72, characters * CHARACTER_WIDTH + PADDING)));
}

/** Class names of a cell: numbers are right-aligned, and a line separates groups of columns. */
export function cellClass(column: Column, index: number, all: Column[]): string {
  return `${column.numeric ? 'nbt-number' : ''} ${all[index - 1]?.group === column.group ? '' : 'nbt-group-start'}`;
}

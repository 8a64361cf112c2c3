import type { ComponentChild } from 'preact';
import type { GroupStatistic, TableRow, Number as Value } from '../../contract';
import { type Column, MODEL } from '../../logic/column_model';
import { exactNumber, formatDuration, formatTime, toNumber } from '../../logic/format';
import type { Common } from '../../logic/shorten';
import type { BaselineRun } from '../../state/columns';
import { StatusBadge } from '../status/status';
import { ValueText, wholeValue } from '../value/value';

/** The run or the group that the others are compared with. */
export interface Baseline {
  kind: 'run' | 'group';
  /** The ID of the run, or the key of the group. */
  id: string;
  /** Returns the value of the run in a column of a metric, or the mean over the runs of the group. */
  value: (column: Column) => Value | null | undefined;
}

/** What the cells of all rows need to know. */
export interface CellContext {
  /** For each metric the best value of all matching runs. */
  best: ReadonlyMap<string, Value>;
  lower: ReadonlySet<string>;
  /** For each metric the key of the best group, by its mean. */
  bestGroups: ReadonlyMap<string, string>;
  /** That mean, if the group has been read. Others can be equal. */
  bestMeans: ReadonlyMap<string, Value>;
  /** What group rows show of metrics. */
  statistic: GroupStatistic;
  /** The column by whose values runs are grouped. */
  by: string | null;
  baseline: Baseline | null;
  /** What the first names of the table have in common. */
  common: Common;
  /** The number of rows of the table above the first one that scrolls. */
  above: number;
  register: ((row: TableRow) => void) | null;
}

/** Return the value of a metric in a row, as its column shows it. */
export function metricValue(row: BaselineRun, { key, statistic }: Column): Value | undefined {
  if (statistic === 'last') {
    return row.metrics[key];
  }
  const all = row.statistics?.[key];
  return all && { min: all.low, max: all.high, first: all.first, mean: all.mean, tail: all.tail }[statistic];
}

/** Return the content of a cell. */
export function cellContent(row: TableRow, column: Column, context: CellContext): ComponentChild {
  const { key } = column;
  if (column.kind === 'param') {
    return <ValueText value={row.params[key]} />;
  }
  if (column.kind === 'metric') {
    const value = metricValue(row, column);
    const isLast = column.statistic === 'last';
    const best = context.best.get(key);
    const compared = context.baseline?.id !== row.run_id ? context.baseline?.value(column) : null;
    const lowerIsBetter = context.lower.has(key);
    if (value === undefined && isLast && key in row.nested_best) {
      return (
        <span class="nbt-nested-best">
          <ValueText value={row.nested_best[key]} metric baseline={compared} lowerIsBetter={lowerIsBetter} />
        </span>
      );
    }
    return (
      <ValueText
        value={value}
        metric
        best={isLast && value !== undefined && best !== undefined && toNumber(value) === toNumber(best)}
        baseline={compared}
        lowerIsBetter={lowerIsBetter}
      />
    );
  }
  switch (key) {
    case 'status':
      return <StatusBadge status={row.status} />;
    case 'start_time':
      return formatTime(row.start_time);
    case 'duration':
      return row.end_time === null ? '' : formatDuration(row.end_time - row.start_time);
    case MODEL:
      return row.models.length === 0 ? null : context.register ? (
        <button
          type="button"
          class="nbt-link nbt-register"
          tabIndex={-1}
          aria-label={`Register model of ${row.run_name}`}
          onClick={() => context.register?.(row)}
        >
          Register…
        </button>
      ) : (
        <span class="nbt-muted">logged</span>
      );
    default:
      return null;
  }
}

/** Return the value of a cell in words, for its tooltip. */
export function cellText(row: TableRow, column: Column): string {
  const { key } = column;
  if (column.kind === 'param') {
    return key in row.params ? wholeValue(row.params[key], false) : '';
  }
  if (column.kind === 'metric') {
    // A folded family is sorted by its best run, which need not be the one in the row.
    const nested = column.statistic === 'last' ? row.nested_best[key] : undefined;
    const best = nested === undefined ? '' : `${exactNumber(nested)}, the best value of its nested runs`;
    return [exactNumber(metricValue(row, column)), best].filter(Boolean).join('\n');
  }
  switch (key) {
    case 'status':
      return row.status;
    case 'start_time':
      return new Date(row.start_time).toLocaleString();
    case 'duration':
      return row.end_time === null ? 'Not ended yet' : `${row.end_time - row.start_time} ms`;
    default:
      return row.models.join(', ');
  }
}

/** Return the value of a cell for other programs: of a metric only the number that the run itself has. */
export function copiedText(row: TableRow, column: Column): string {
  return column.kind === 'metric' ? exactNumber(metricValue(row, column)) : cellText(row, column);
}

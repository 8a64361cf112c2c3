import type { GroupKey, GroupRow, GroupStatistic, GroupStatistics, RunRow, Number as Value } from '../contract';
import type { Column } from './column_model';
import { exactNumber, formatDuration, formatNumber, plural, toNumber } from './format';
import { parseClause } from './order';

/** What group rows can show of a metric, and be sorted by. */
export const GROUP_STATISTICS: readonly GroupStatistic[] = ['mean', 'std', 'min', 'max', 'n'];

export const STATISTIC_NAMES: Readonly<Record<GroupStatistic, string>> = {
  mean: 'mean',
  std: 'standard deviation',
  min: 'lowest value',
  max: 'highest value',
  n: 'number of values',
};

/** Return the title of a column by whose values runs can be grouped: `lr` of `params.lr`. */
export function columnTitle(column: string): string {
  const titles: Record<string, string> = {
    'attributes.parent': 'parent',
    'datasets.name': 'dataset',
    'datasets.digest': 'dataset version',
  };
  return titles[column] ?? column.replace(/^\w+\.[`"]?(.*?)[`"]?$/, '$1');
}

/** Return the name of a group: the value that its runs have in common. */
export function groupName({ value }: Pick<GroupRow, 'value'>): string {
  return value === null ? 'no value' : value === '' ? '(empty)' : value;
}

/** Return the name of a group that may not have been read, by its key. */
export function nameOfKey(key: string, group: GroupRow | null | undefined): string {
  return group ? groupName(group) : key.replace(/^\w+:/, '');
}

/** Return the statistics of a group in a column, or undefined if the group has none. */
export function statisticsOfGroup(group: GroupRow, column: Column): GroupStatistics | undefined {
  return column.kind === 'metric' && column.statistic === 'last' ? group.metrics[column.key] : group.columns[column.id];
}

/** Return the value of a group in a column in words, for its tooltip. */
export function groupText(group: GroupRow, column: Column): string {
  if (column.kind === 'param') {
    const { [column.key]: differing } = group.differing;
    return group.params[column.key] ?? (differing === undefined ? '' : plural(differing, 'different value'));
  }
  const all = statisticsOfGroup(group, column);
  if (!all) {
    return '';
  }
  const show = column.key === 'duration' && column.kind === 'run' ? duration : exactNumber;
  return statisticsText(all, group.runs, show);
}

/** Return the statistics of a group of so many runs in words, for a tooltip. */
export function statisticsText(
  all: GroupStatistics,
  runs: number,
  show: (value: Value | null) => string = exactNumber,
): string {
  const lines = [
    ['mean', show(all.mean)],
    ['std', all.std === null ? 'needs two values' : show(all.std)],
    ['min', show(all.min)],
    ['max', show(all.max)],
    ['values', `${all.n} of ${plural(runs, 'run')}`],
  ];
  return lines.map(([name, value]) => `${name} ${value}`).join('\n');
}

/** Return a statistic of a metric in short, without its name. */
export function statisticText(all: GroupStatistics, statistic: GroupStatistic, isDuration = false): string {
  const value = all[statistic];
  return statistic === 'n' ? String(all.n) : isDuration ? duration(value) : formatNumber(value);
}

/** Format a standard deviation beside its mean. More than two digits of it would be noise. */
export function spreadText(value: Value): string {
  const number = toNumber(value);
  if (!Number.isFinite(number) || number === 0 || number >= 10) {
    return formatNumber(Number.isFinite(number) ? Math.round(number) : value);
  }
  return number.toPrecision(2).replace('e-', 'e−');
}

/**
 * Sort saved groups as the kernel does, by a statistic of the first metric of the order, or by their own values. A group
 * without a value comes last.
 */
export function sortedGroups(
  groups: readonly GroupRow[],
  by: string,
  orderBy: readonly string[],
  statistic: GroupStatistic,
): GroupRow[] {
  for (const { column, descending } of orderBy.map(parseClause).filter((order) => order !== null)) {
    const side = descending ? -1 : 1;
    const key = column.match(/^metrics\.[`"]?(.*?)[`"]?$/)?.[1];
    if (column === by) {
      const named = groups.filter(({ value }) => value !== null);
      const compare = (a: GroupRow, b: GroupRow) => a.value!.localeCompare(b.value!, 'en', { numeric: true });
      return [...named.sort((a, b) => side * compare(a, b)), ...groups.filter(({ value }) => value === null)];
    }
    const rank = (group: GroupRow) =>
      toNumber((key === undefined ? group.columns[column] : group.metrics[key])?.[statistic]);
    if (groups.some((group) => !Number.isNaN(rank(group)))) {
      const known = groups.filter((group) => !Number.isNaN(rank(group)));
      const others = groups.filter((group) => Number.isNaN(rank(group)));
      return [...known.sort((a, b) => side * (rank(a) - rank(b))), ...others];
    }
  }
  return [...groups];
}

/** Return whether a saved run is in a group, as far as its row tells: groups of other columns than params have none. */
export function isInGroup(row: RunRow, { by, key }: GroupKey): boolean {
  const [, param] = by.match(/^params\.[`"]?(.*?)[`"]?$/) ?? [];
  const value = param === undefined ? undefined : row.params[param];
  if (value === undefined) {
    return param !== undefined && key === 'none';
  }
  return key.startsWith('n:') ? value.trim() !== '' && Number(value) === Number(key.slice(2)) : key === `s:${value}`;
}

function duration(value: Value | null): string {
  return value === null ? '' : formatDuration(Number(value));
}

import { type ReadonlySignal, useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { GroupRow, TableRow, Number as Value } from '../../contract';
import { groupName, statisticsOfGroup } from '../../logic/groups';
import { commonParts } from '../../logic/shorten';
import type { BaselineRun, ColumnState } from '../../state/columns';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { Selection } from '../../state/selection';
import { type Baseline, type CellContext, metricValue } from './cell';
import { SAMPLE } from './use_table_window';

/** The rows of the header. */
const HEAD_ROWS = 2;

interface Baselines {
  /** The row of the run or the group that the others are compared with. */
  row: ReadonlySignal<{ row: BaselineRun | null; group: GroupRow | null } | null>;
  baseline: ReadonlySignal<Baseline | null>;
}

/** Return the run or the group that the others are compared with, once its values are known. */
export function useBaseline(columns: ColumnState, groups: GroupPages, selection: Selection): Baselines {
  const baselineRow = useComputed((): { row: BaselineRun | null; group: GroupRow | null } | null => {
    const [row, group] = [columns.baseline.value, groups.baseline.value];
    if (selection.baselineGroup.value !== null) {
      return group && group.key === selection.baselineGroup.value ? { row: null, group } : null;
    }
    return row && row.run_id === selection.baseline.value ? { row, group: null } : null;
  });
  const baseline = useComputed((): Baseline | null => {
    const { row, group } = baselineRow.value ?? { row: null, group: null };
    return row
      ? { kind: 'run', id: row.run_id, value: (column) => metricValue(row, column) }
      : group
        ? { kind: 'group', id: group.key, value: (column) => statisticsOfGroup(group, column)?.mean }
        : null;
  });
  return { row: baselineRow, baseline };
}

interface Props {
  query: QueryState;
  pages: RunPages;
  groups: GroupPages;
  columns: ColumnState;
  baseline: ReadonlySignal<Baseline | null>;
  /** Registers the model of a row. It must be the same function each time. */
  register: ((row: TableRow) => void) | null;
}

/** Return what the cells of all rows need to know. */
export function useCellContext({ query, pages, groups, columns, baseline, register }: Props): CellContext {
  const by = groups.by.value;
  const bestMeans = useMemo(() => {
    const best = groups.total.value > 1 ? [...groups.best.value] : [];
    const means = best.map(([metric, key]) => [metric, groups.group(key)?.metrics[metric]?.mean] as const);
    return new Map(means.filter((entry): entry is [string, Value] => entry[1] != null));
  }, [groups.best.value, groups.pages.value, groups.total.value > 1]);
  const firstGroups = groups.pages.value.get(0);
  const common = useMemo(
    () =>
      commonParts(
        by === null
          ? pages.sample.value.slice(0, SAMPLE).map(({ run_name }) => run_name)
          : (firstGroups ?? []).slice(0, SAMPLE).map(groupName),
      ),
    [by, pages.sample.value, firstGroups],
  );
  return useMemo(
    (): CellContext => ({
      best: columns.alone.value ? new Map() : columns.best.value,
      lower: columns.lower.value,
      // A single group cannot be the best of several.
      bestGroups: groups.total.value > 1 ? groups.best.value : new Map(),
      bestMeans,
      statistic: query.statistic.value,
      by,
      baseline: baseline.value,
      common,
      above: HEAD_ROWS + (baseline.value ? 1 : 0),
      register,
    }),
    [
      columns.alone.value,
      columns.best.value,
      columns.lower.value,
      groups.best.value,
      groups.total.value > 1,
      bestMeans,
      query.statistic.value,
      by,
      baseline.value,
      common,
      register,
    ],
  );
}

import type { RunsRequest } from '../contract';
import type { Column } from '../logic/column_model';
import { COLUMNS } from './columns';
import { PAGE } from './pages';
import type { Query } from './query';
import type { Selection } from './selection';

/**
 * Return the request for a page of rows with these columns. Null asks for the first columns of a new query. If a reply has
 * summarized the columns already, they are not summarized again.
 */
export function runsRequest(
  query: Query,
  page: number,
  columns: readonly Column[] | null,
  isSummarized: boolean,
  { baseline, baselineGroup }: Pick<Selection, 'baseline' | 'baselineGroup'>,
): RunsRequest {
  const keys = (kind: Column['kind'], of = columns ?? []) => [
    ...new Set(of.filter((column) => column.kind === kind).map((column) => column.key)),
  ];
  const statistics = (columns ?? []).filter((column) => column.statistic !== 'last');
  const key = baselineGroup.peek();
  return {
    filter: query.filter,
    experiment_ids: null,
    order_by: [...query.sorts],
    grouped: query.grouped,
    unfolded: [...query.unfolded],
    offset: page * PAGE,
    limit: PAGE,
    baseline: baseline.peek(),
    ...(query.group_by !== null && key !== null && { baseline_group: { by: query.group_by, key } }),
    ...(columns === null
      ? { column_limit: COLUMNS }
      : {
          params: keys('param'),
          metrics: keys('metric'),
          statistics: keys('metric', statistics),
          // The summary takes the kernel as long as the rows, and is the same in any order.
          summary: !isSummarized,
        }),
  };
}

/** Return the IDs of the columns whose values are requested. Those of runs come with every row. */
export function idsOf(columns: readonly Column[]): string[] {
  return columns.filter((column) => column.kind !== 'run').map((column) => column.id);
}

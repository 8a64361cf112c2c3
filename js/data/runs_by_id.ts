import type { Connection } from '../connection/connection';
import type { RunsRequest, TableRow } from '../contract';
import { quoted } from '../logic/order';

/** IDs of runs are put into a filter, and a view may have any strings. */
const RUN_ID = /^\w+$/;

/** The metrics whose last values are read, and those whose other values are. */
type Values = Required<Pick<RunsRequest, 'metrics' | 'statistics'>>;

/** Read values of some runs, which need not match a filter. A run that does not exist is left out. */
export async function readRuns(
  connection: Connection,
  run_ids: readonly string[],
  values: Values,
  signal: AbortSignal,
): Promise<Map<string, TableRow>> {
  const ids = run_ids.filter((id) => RUN_ID.test(id));
  if (ids.length === 0) {
    return new Map();
  }
  const { reply } = await connection.request(
    'runs',
    {
      filter: `${quoted('attributes', 'run_id')} ${oneOf(ids.map((id) => `'${id}'`))}`,
      experiment_ids: null,
      order_by: [],
      grouped: false,
      unfolded: [],
      offset: 0,
      limit: ids.length,
      params: [],
      ...values,
      summary: false,
    },
    signal,
  );
  return new Map(reply.rows.map((row) => [row.run_id, row]));
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `= ${values[0]}` : `IN (${values.join(', ')})`;
}

import type { GroupRow, TableRow } from '../contract';

/** A finished run as the table shows it. Its name is its ID. */
export function tableRow(run_id: string, fields: Partial<TableRow> = {}): TableRow {
  return {
    run_id,
    run_name: run_id,
    experiment_id: '0',
    experiment_name: 'Default',
    status: 'FINISHED',
    start_time: 0,
    end_time: 1,
    user_id: '',
    parent_run_id: null,
    note: '',
    params: {},
    metrics: {},
    models: [],
    depth: 0,
    children: 0,
    nested_best: {},
    ...fields,
  };
}

/** A group of one run as the table shows it. Its value is what follows the kind in its key. */
export function groupRow(key: string, fields: Partial<GroupRow> = {}): GroupRow {
  const value = key === 'none' ? null : key.replace(/^\w+:/, '');
  return { key, value, runs: 1, params: {}, differing: {}, metrics: {}, columns: {}, ...fields };
}

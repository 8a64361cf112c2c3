import type { DiffReply, DiffRow, RunRow } from '../contract';
import { formatNumber } from './format';

/** Compare the params and metrics of runs by their rows alone. The result is like the kernel's reply to `diff`. */
export function diffRuns(runs: RunRow[]): DiffReply {
  const section = (
    name: 'param' | 'metric',
    read: (run: RunRow, key: string) => string | null,
    of: (run: RunRow) => object,
  ) => {
    const keys = [...new Set(runs.flatMap((run) => Object.keys(of(run))))].sort();
    return keys.map((key): DiffRow => {
      const values = runs.map((run) => read(run, key));
      return { section: name, key, values, differs: values.some((value) => value !== values[0]) };
    });
  };
  return {
    run_ids: runs.map((run) => run.run_id),
    run_names: runs.map((run) => run.run_name),
    rows: [
      ...section(
        'param',
        (run, key) => run.params[key] ?? null,
        (run) => run.params,
      ),
      ...section(
        'metric',
        (run, key) => (key in run.metrics ? formatNumber(run.metrics[key]) : null),
        (run) => run.metrics,
      ),
    ],
  };
}

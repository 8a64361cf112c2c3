import type { DiffGroupValue, DiffReply, DiffRow, GroupRow, RunRow } from '../contract';
import { formatNumber } from './format';

/**
 * Compare the params and metrics of runs and groups by their rows alone. The result is like the kernel's reply to `diff`.
 */
export function diffRuns(runs: readonly RunRow[], groups: readonly GroupRow[] = []): DiffReply {
  const section = (
    name: 'param' | 'metric',
    read: (run: RunRow, key: string) => string | null,
    readGroup: (group: GroupRow, key: string) => DiffGroupValue,
    keys: string[],
  ) =>
    [...new Set(keys)].sort().map((key): DiffRow => {
      const [values, of] = [runs.map((run) => read(run, key)), groups.map((group) => readGroup(group, key))];
      const means = of.map(({ value, statistics }) => (statistics ? formatNumber(statistics.mean) : value));
      const compared = [...values, ...means];
      const differs = compared.some((value) => value !== compared[0]) || of.some(({ differing }) => differing > 0);
      return { section: name, key, values, differs, groups: of };
    });
  return {
    run_ids: runs.map((run) => run.run_id),
    run_names: runs.map((run) => run.run_name),
    groups: groups.map(({ key, value, runs: count }) => ({ key, value, runs: count })),
    rows: [
      ...section(
        'param',
        (run, key) => run.params[key] ?? null,
        ({ params, differing }, key) => ({
          ...{ value: params[key] ?? null, differing: differing[key] ?? 0, statistics: null },
        }),
        [
          ...runs.flatMap(({ params }) => Object.keys(params)),
          ...groups.flatMap(({ params, differing }) => [...Object.keys(params), ...Object.keys(differing)]),
        ],
      ),
      ...section(
        'metric',
        (run, key) => (key in run.metrics ? formatNumber(run.metrics[key]) : null),
        ({ metrics }, key) => ({ value: null, differing: 0, statistics: metrics[key] ?? null }),
        [...runs, ...groups].flatMap(({ metrics }) => Object.keys(metrics)),
      ),
    ],
  };
}

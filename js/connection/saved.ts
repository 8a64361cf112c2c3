import type { GroupRow, GroupsReply, RunRow, RunsReply } from '../contract';
import { diffRuns } from '../logic/diff';
import { isInGroup, sortedGroups } from '../logic/groups';
import { sortRuns } from '../logic/order';
import { nestedCount, treeRows } from '../logic/tree';
import { type Answer, type Connection, failure, type Payload, type RequestName } from './connection';
import { answerOf, type Snapshot } from './snapshot';

/** Answers from the data that was saved with a notebook. The saved runs can be sorted, selected and compared. */
export class SavedConnection implements Connection {
  readonly live = false;

  constructor(private readonly snapshot: Snapshot) {}

  first<N extends RequestName>(name: N) {
    return answerOf(this.snapshot, name);
  }

  async request<N extends RequestName>(name: N, payload: Payload<N>): Promise<Answer<N>> {
    const saved = this.first(name);
    const answer = this.answers[name]?.(payload as never) ?? saved;
    if (!answer) {
      throw failure('INVALID_STATE', 'This data was not saved with the notebook. Run the cell to load it.');
    }
    return answer as Answer<N>;
  }

  subscribe(): () => void {
    return () => {};
  }

  watch(): () => void {
    return () => {};
  }

  private readonly answers: Partial<Record<RequestName, (payload: never) => Answer<RequestName> | undefined>> = {
    registry: ({ search = '' }: Payload<'registry'>): Answer<'registry'> | undefined => {
      const saved = this.first('registry');
      if (!saved || search === '') {
        return saved;
      }
      const models = saved.reply.models.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
      return { reply: { models, count: models.length }, buffers: [] };
    },
    runs: ({
      order_by,
      grouped,
      unfolded,
      offset,
      limit,
      baseline: wanted,
      group,
    }: Payload<'runs'>): Answer<'runs'> | undefined => {
      const saved = this.first('runs');
      if (!saved) {
        return undefined;
      }
      const sorted = sortRuns(
        saved.reply.rows.filter((row) => !group || isInGroup(row, group)),
        order_by,
      );
      const shown = new Set(unfolded ?? sorted.map((row) => row.run_id));
      const rows = grouped ? treeRows(sorted, shown) : sorted.map((row) => ({ ...row, depth: 0, children: 0 }));
      // All runs that matched. Of many of them, only the first were saved.
      const total = Math.max(saved.reply.total ?? 0, sorted.length);
      const counts = { count: rows.length, total, nested: nestedCount(sorted) };
      // The user may choose another baseline than the one that was saved.
      const { baseline: kept, ...others } = saved.reply;
      const baseline = wanted ? (sorted.find((row) => row.run_id === wanted) ?? kept) : null;
      const reply: RunsReply = { ...others, ...counts, rows: rows.slice(offset, offset + limit) };
      if (baseline && baseline.run_id === wanted) {
        reply.baseline = baseline;
      }
      return { reply, buffers: [] };
    },
    values: ({ run_ids, column }: Payload<'values'>): Answer<'values'> | undefined => {
      const saved = this.first('values');
      if (saved?.payload.column !== column) {
        return undefined;
      }
      const known = new Map(saved.payload.run_ids.map((id, i) => [id, saved.reply.values[i] ?? null]));
      return { reply: { values: run_ids.map((id) => known.get(id) ?? null) }, buffers: [] };
    },
    groups: ({
      by,
      order_by,
      statistic,
      offset,
      limit,
      baseline_group: wanted,
    }: Payload<'groups'>): Answer<'groups'> | undefined => {
      const saved = this.first('groups');
      if (saved?.payload.by !== by) {
        throw failure('INVALID_STATE', 'These groups were not saved with the notebook. Run the cell to load them.');
      }
      const groups = sortedGroups(saved.reply.groups, by, order_by, statistic);
      const { baseline_group: kept, ...others } = saved.reply;
      const baseline = wanted ? (groups.find(({ key }) => key === wanted) ?? kept) : null;
      const reply: GroupsReply = { ...others, count: groups.length, groups: groups.slice(offset, offset + limit) };
      return {
        reply: baseline?.key === wanted && baseline ? { ...reply, baseline_group: baseline } : reply,
        buffers: [],
      };
    },
    group_curves: ({ by, groups, metrics, x_axis }: Payload<'group_curves'>): Answer<'group_curves'> | undefined => {
      const saved = this.first('group_curves');
      if (!saved) {
        return undefined;
      }
      const isSame = saved.payload.by === by && saved.payload.x_axis === x_axis;
      const { series, buffers } = picked(
        saved.reply.series,
        saved.buffers,
        6,
        ({ group, metric }) => isSame && groups.includes(group) && metrics.includes(metric),
      );
      return { reply: { ...saved.reply, series }, buffers };
    },
    curves: ({ run_ids, keys }: Payload<'curves'>): Answer<'curves'> | undefined => {
      const saved = this.first('curves');
      if (!saved) {
        return undefined;
      }
      const { series, buffers } = picked(
        saved.reply.series,
        saved.buffers,
        2,
        ({ run_id, key }) => run_ids.includes(run_id) && keys.includes(key),
      );
      return { reply: { series }, buffers };
    },
    diff: ({ run_ids, groups: keys = [] }: Payload<'diff'>): Answer<'diff'> | undefined => {
      const saved = this.first('diff');
      const isSame = (a: readonly string[], b: readonly string[]) => a.join('\n') === b.join('\n');
      if (saved && isSame(saved.payload.run_ids, run_ids) && isSame(saved.payload.groups ?? [], keys)) {
        return saved;
      }
      const [runs, groups] = [this.first('runs')?.reply, this.first('groups')?.reply];
      const rows = [...(runs?.rows ?? []), runs?.baseline];
      const groupRows = [...(groups?.groups ?? []), groups?.baseline_group];
      const chosen = run_ids.map((id) => rows.find((row) => row?.run_id === id));
      const chosenGroups = keys.map((key) => groupRows.find((row) => row?.key === key));
      if (chosen.some((row) => !row) || chosenGroups.some((row) => !row)) {
        return undefined;
      }
      return { reply: diffRuns(chosen as RunRow[], chosenGroups as GroupRow[]), buffers: [] };
    },
  };
}

/** Return some of the series of an answer with their buffers, which are `own` for each, and more after those of all. */
function picked<S extends { envelope?: number; odd?: number }>(
  series: readonly S[],
  buffers: readonly Float64Array[],
  own: number,
  isWanted: (series: S) => boolean,
): { series: S[]; buffers: Float64Array[] } {
  const places = [...series.keys()].filter((i) => isWanted(series[i]!) && buffers.length >= own * (i + 1));
  const found = places.flatMap((i) => buffers.slice(own * i, own * (i + 1)));
  const moved = (place: number | undefined, count: number) => {
    if (place !== undefined) {
      found.push(...buffers.slice(place, place + count));
    }
    return place === undefined ? undefined : found.length - count;
  };
  const entries = places.map((i) => {
    const { envelope, odd } = series[i]!;
    return { ...series[i]!, envelope: moved(envelope, 3), odd: moved(odd, 2) };
  });
  return { series: entries, buffers: found };
}

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { ask, type Connection, RequestError } from '../../connection/connection';
import { type DiffReply, type ErrorReply, MOST_GROUP_CURVES, MOST_RUNS } from '../../contract';
import { groupName } from '../../logic/groups';
import type { ColumnState } from '../../state/columns';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { QueryState } from '../../state/query';
import type { Selection } from '../../state/selection';
import { Check } from '../fields/fields';
import { More } from '../more/more';
import { Problem } from '../problem/problem';
import { DiffTable, EXPECTED, type Subject } from './diff_table';

interface Props {
  connection: Connection;
  query: QueryState;
  selection: Selection;
  pages: RunPages;
  groups: GroupPages;
  columns: ColumnState;
}

/** The params and metrics of the selected runs and groups side by side, the baseline first. Rows that differ are marked. */
export function ParameterDiff({ connection, query, selection, pages, groups, columns }: Props) {
  const reply = useSignal<DiffReply | null>(connection.first('diff')?.reply ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const fromSnapshot = useRef(reply.peek() !== null);
  const differences = useSignal(false);
  const by = groups.by.value;
  const [baseline, baselineGroup] = [selection.baseline.value, by === null ? null : selection.baselineGroup.value];
  const run_ids = withFirst(baseline, selection.compared.value).slice(0, MOST_RUNS);
  const keys = by === null ? [] : withFirst(baselineGroup, selection.groups.value).slice(0, MOST_GROUP_CURVES);
  const isNothing = run_ids.length + keys.length === 0;
  const payload = {
    run_ids,
    ...(keys.length > 0 && { by, groups: keys, filter: query.filter.value, experiment_ids: null }),
  };
  useEffect(() => {
    const isFirst = fromSnapshot.current;
    fromSnapshot.current = false;
    if (isNothing) {
      reply.value = null;
      return;
    }
    // The answer in the snapshot is shown first. It is requested again together with the runs.
    if (isFirst) {
      return;
    }
    return ask(
      connection,
      'diff',
      payload,
      (answer) => {
        reply.value = answer.reply;
        error.value = null;
      },
      (failure) => (error.value = failure),
    );
  }, [JSON.stringify(payload), again.value, pages.queries.value]);

  const more = async () => {
    const shown = reply.peek();
    if (!shown) {
      return;
    }
    try {
      const next = await connection.request('diff', { ...payload, offset: shown.rows.length });
      if (reply.peek() === shown) {
        reply.value = { ...next.reply, rows: [...shown.rows, ...next.reply.rows] };
      }
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };

  const diff = reply.value;
  const count = diff?.count ?? 0;
  const differing = diff?.rows.filter((row) => row.differs && !EXPECTED.has(row.section)).length ?? 0;
  const [slots, groupSlots] = [selection.slots.value, selection.groupSlots.value];
  const subjects = useMemo(() => {
    const found: Subject[] = [
      ...(diff?.groups ?? []).map((group, at) => ({
        ...{ kind: 'group' as const, at, id: group.key, name: groupName(group), runs: group.runs },
        ...{ slot: groupSlots.get(group.key), isBaseline: group.key === baselineGroup },
      })),
      ...(diff?.run_ids ?? []).map((id, at) => ({
        ...{ kind: 'run' as const, at, id, name: diff!.run_names[at] ?? '', runs: 1 },
        ...{ slot: slots.get(id), isBaseline: id === baseline },
      })),
    ];
    return found.sort((a, b) => Number(b.isBaseline) - Number(a.isBaseline));
  }, [diff, slots, groupSlots, baseline, baselineGroup]);
  return (
    <section class="nbt-diff" aria-label="Differences">
      <div class="nbt-controls">
        <span class="nbt-controls-title">Side by side</span>
        {subjects.length > 1 && (
          <Check class="nbt-only-differences" checked={differences.value} change={(on) => (differences.value = on)}>
            Only differences ({differing})
          </Check>
        )}
      </div>
      {diff === null ? (
        <p class="nbt-empty">{isNothing ? 'Select runs to compare their params and metrics.' : 'Loading…'}</p>
      ) : (
        <DiffTable diff={diff} subjects={subjects} lower={columns.lower.value} onlyDifferences={differences.value} />
      )}
      {diff && (
        <More shown={diff.rows.length} count={count} noun="row" load={connection.live ? () => void more() : null} />
      )}
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </section>
  );
}

/** Return IDs with that of the baseline before the others. */
function withFirst(baseline: string | null, ids: readonly string[]): string[] {
  return baseline === null ? [...ids] : [baseline, ...ids.filter((id) => id !== baseline)];
}

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import type { GroupColumn, GroupStatistic } from '../../contract';
import { plural } from '../../logic/format';
import { columnTitle, GROUP_STATISTICS } from '../../logic/groups';
import { shorten } from '../../logic/shorten';
import type { QueryState } from '../../state/query';
import type { RunSearch } from '../../state/search';
import { type Choice, ColumnPicker } from '../column_picker/column_picker';
import { Select } from '../fields/fields';
import { Problem } from '../problem/problem';

const KINDS: Record<GroupColumn['kind'], string> = {
  param: 'Params',
  tag: 'Tags',
  dataset: 'Datasets',
  attribute: 'Runs',
};
const STATISTICS: Record<GroupStatistic, string> = {
  mean: 'mean ± std',
  std: 'std',
  min: 'min',
  max: 'max',
  n: 'number of values',
};
const MOST_LISTED = 200;
const LONGEST_TITLE = 24;

interface Props {
  connection: Connection;
  query: QueryState;
  search: RunSearch;
}

/** Chooses the column by whose values the runs are grouped, and what the groups show of their metrics. */
export function GroupField({ connection, query, search }: Props) {
  const found = useSignal<readonly GroupColumn[]>([]);
  const error = useSignal<RequestError | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const by = query.groupBy.value;
  const load = async (words: string) => {
    controller.current?.abort();
    controller.current = new AbortController();
    const { signal } = controller.current;
    const { filter } = query.peek();
    // The kernel looks for one part of a name, and the list for several words.
    const part = words.trim().split(/\s+/)[0] ?? '';
    const payload = { filter, experiment_ids: null, limit: MOST_LISTED, ...(part !== '' && { search: part }) };
    try {
      const { reply } = await connection.request('group_columns', payload, signal);
      if (!signal.aborted) {
        const known = new Set(reply.columns.map(({ column }) => column));
        // Those that are known stay, so that the list does not flicker while the user types.
        found.value = [
          ...reply.columns,
          ...(part === '' ? [] : found.peek().filter(({ column }) => !known.has(column))),
        ];
        error.value = null;
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        error.value = RequestError.of(cause);
      }
    }
  };
  const title = by === null ? '' : columnTitle(by);
  return (
    <span class="nbt-group-field">
      {by !== null && (
        <span class="nbt-chip">
          <span title={by}>
            Grouped by <b>{shorten(title, LONGEST_TITLE)}</b>
          </span>
          <button
            type="button"
            class="nbt-chip-remove"
            aria-label={`Stop grouping by ${title}`}
            title="Stop grouping"
            onClick={() => search.groupBy(null)}
          >
            ✕
          </button>
        </span>
      )}
      {connection.live && (
        <ColumnPicker
          label={by === null ? 'Group by…' : 'Change…'}
          title="Group runs by"
          choices={byKind(found.value).map(choiceOf)}
          chosen={by}
          choose={(column) => search.groupBy(column)}
          search={(words) => void load(words)}
        />
      )}
      {by !== null && (
        <Select
          label="Groups show"
          class="nbt-group-statistic"
          value={query.statistic.value}
          options={GROUP_STATISTICS.map((statistic) => [statistic, STATISTICS[statistic]] as const)}
          change={(statistic) => search.sortGroups(statistic)}
        />
      )}
      <Problem error={error.value?.reply ?? null} retry={() => void load('')} />
    </span>
  );
}

/** Put columns of the same kind together, where the first of them is. The most useful column stays the first. */
function byKind(columns: readonly GroupColumn[]): GroupColumn[] {
  const kinds = [...new Set(columns.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => columns.filter((column) => column.kind === kind));
}

function choiceOf({ column, kind, name, groups }: GroupColumn): Choice {
  return { id: column, kind: KINDS[kind], name, detail: plural(groups, 'value') };
}

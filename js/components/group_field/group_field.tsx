import type { Connection } from '../../connection/connection';
import type { GroupStatistic } from '../../contract';
import { columnTitle, GROUP_STATISTICS } from '../../logic/groups';
import { shorten } from '../../logic/shorten';
import type { QueryState } from '../../state/query';
import type { RunSearch } from '../../state/search';
import { ColumnPicker } from '../column_picker/column_picker';
import { useGroupColumns } from '../column_picker/use_group_columns';
import { Select } from '../fields/fields';
import { Problem } from '../problem/problem';

const STATISTICS: Record<GroupStatistic, string> = {
  mean: 'mean ± std',
  std: 'std',
  min: 'min',
  max: 'max',
  n: 'number of values',
};
const LONGEST_TITLE = 24;

interface Props {
  connection: Connection;
  query: QueryState;
  search: RunSearch;
}

/** Chooses the column by whose values the runs are grouped, and what the groups show of their metrics. */
export function GroupField({ connection, query, search }: Props) {
  const { choices, error, load } = useGroupColumns(connection, query);
  const by = query.groupBy.value;
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
          choices={choices}
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
      <Problem error={error} retry={() => void load('')} />
    </span>
  );
}

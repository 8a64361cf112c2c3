import { useSignal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import { MOST_COLUMNS, MOST_GROUP_COLUMNS, MOST_GROUPS, MOST_ROWS } from '../../contract';
import { copyText } from '../../logic/clipboard';
import type { Column } from '../../logic/column_model';
import { toMarkdown, toTsv } from '../../logic/copy_table';
import { exactNumber, plural } from '../../logic/format';
import { columnTitle, GROUP_STATISTICS, groupName, groupText, statisticsOfGroup } from '../../logic/groups';
import type { ColumnState } from '../../state/columns';
import { otherColumns } from '../../state/group_search';
import type { GroupPages } from '../../state/groups';
import type { Query, QueryState } from '../../state/query';
import type { View } from '../../state/view';
import { copiedText } from '../run_table/cell';

interface Props {
  connection: Connection;
  query: QueryState;
  groups: GroupPages;
  columns: ColumnState;
  view: View;
}

/** Buttons that copy the rows of the table with the columns that are shown, or the code that shows the view again. */
export function CopyTable({ connection, query, groups, columns, view }: Props) {
  const said = useSignal('');
  const copy = async (format: 'tsv' | 'markdown') => {
    const shown = columns.shown.peek().slice(0, MOST_COLUMNS);
    const keys = (kind: Column['kind']) => [
      ...new Set(shown.filter((column) => column.kind === kind).map((column) => column.key)),
    ];
    const { filter, sorts, grouped, unfolded } = query.peek();
    const by = groups.by.peek();
    try {
      if (by !== null) {
        said.value = await copyGroups(connection, query.peek(), by, shown, format);
        return;
      }
      const { reply } = await connection.request('runs', {
        filter,
        experiment_ids: null,
        order_by: [...sorts],
        grouped,
        unfolded: [...unfolded],
        offset: 0,
        limit: MOST_ROWS,
        params: keys('param'),
        metrics: keys('metric'),
        statistics: [...new Set(shown.filter((column) => column.statistic !== 'last').map((column) => column.key))],
      });
      const head = ['run', ...shown.map((column) => column.id.replace(/^\w+\./, ''))];
      const rows = reply.rows.map((row) => [row.run_name, ...shown.map((column) => plain(copiedText(row, column)))]);
      const numeric = [false, ...shown.map((column) => column.kind === 'metric')];
      await copyText(format === 'tsv' ? toTsv([head, ...rows]) : toMarkdown([head, ...rows], numeric));
      const all = reply.count > rows.length ? ` of ${plural(reply.count, 'row')}` : '';
      said.value = `Copied ${plural(rows.length, 'row')}${all}.`;
    } catch (cause) {
      if (!isAbort(cause)) {
        said.value = `Not copied: ${RequestError.of(cause).reply.message}`;
      }
    }
  };
  const copyCode = async () => {
    try {
      const { reply } = await connection.request('python', { view: view.peek(), experiment_ids: null });
      await copyText(reply.code);
      said.value = 'Copied the code.';
    } catch (cause) {
      if (!isAbort(cause)) {
        said.value = `Not copied: ${RequestError.of(cause).reply.message}`;
      }
    }
  };
  return (
    <span class="nbt-copy">
      Copy as{' '}
      <button type="button" class="nbt-link" onClick={() => void copy('tsv')}>
        TSV
      </button>
      {connection.live ? ', ' : ' or '}
      <button type="button" class="nbt-link" onClick={() => void copy('markdown')}>
        Markdown
      </button>
      {connection.live && (
        <>
          {' or '}
          <button type="button" class="nbt-link" onClick={() => void copyCode()}>
            Python
          </button>
        </>
      )}{' '}
      <span role="status">{said.value}</span>
    </span>
  );
}

/** Copy the groups, with the statistics of each metric as columns of their own. Returns what was copied. */
async function copyGroups(
  connection: Connection,
  query: Query,
  by: string,
  shown: readonly Column[],
  format: 'tsv' | 'markdown',
): Promise<string> {
  const keys = (kind: Column['kind']) => shown.filter((column) => column.kind === kind).map(({ key }) => key);
  const { reply } = await connection.request('groups', {
    filter: query.filter,
    experiment_ids: null,
    by,
    order_by: [...query.sorts],
    statistic: query.group_statistic,
    offset: 0,
    limit: MOST_GROUPS,
    params: [...new Set(keys('param'))],
    metrics: [...new Set(shown.filter(isLastValue).map(({ key }) => key))],
    columns: otherColumns(shown).slice(0, MOST_GROUP_COLUMNS),
  });
  const copied = shown.filter(({ id, kind, key }) => id !== by && (kind !== 'run' || key === 'duration'));
  const head = copied.flatMap((column) => {
    const title = column.kind === 'run' ? `${column.key}_ms` : column.id.replace(/^\w+\./, '');
    return column.kind === 'param' ? [title] : GROUP_STATISTICS.map((statistic) => `${title}.${statistic}`);
  });
  const rows = reply.groups.map((group) => [
    groupName(group),
    String(group.runs),
    ...copied.flatMap((column) => {
      const all = statisticsOfGroup(group, column);
      return column.kind === 'param'
        ? [groupText(group, column)]
        : GROUP_STATISTICS.map((statistic) => (all ? plain(exactNumber(all[statistic])) : ''));
    }),
  ]);
  const numeric = copied.flatMap((column) => (column.kind === 'param' ? [false] : GROUP_STATISTICS.map(() => true)));
  const table = [[columnTitle(by), 'runs', ...head], ...rows];
  await copyText(format === 'tsv' ? toTsv(table) : toMarkdown(table, [false, true, ...numeric]));
  const all = reply.count > rows.length ? ` of ${plural(reply.count, 'group')}` : '';
  return `Copied ${plural(rows.length, 'group')}${all}.`;
}

function isLastValue({ kind, statistic }: Column): boolean {
  return kind === 'metric' && statistic === 'last';
}

/** Return a number with the minus sign that other programs read. */
function plain(text: string): string {
  return /^−[\d.]|^−Infinity/.test(text) ? text.replaceAll('−', '-') : text;
}

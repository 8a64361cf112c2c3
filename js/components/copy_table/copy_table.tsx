import { useSignal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import { MOST_COLUMNS, MOST_ROWS } from '../../contract';
import type { Column } from '../../logic/column_model';
import { toMarkdown, toTsv } from '../../logic/copy_table';
import { plural } from '../../logic/format';
import type { ColumnState } from '../../state/columns';
import { orderOf, type QueryState } from '../../state/query';
import type { View } from '../../state/view';
import { copiedText } from '../run_table/cell';

interface Props {
  connection: Connection;
  query: QueryState;
  columns: ColumnState;
  view: View;
}

/** Buttons that copy the rows of the table with the columns that are shown, or the code that shows the view again. */
export function CopyTable({ connection, query, columns, view }: Props) {
  const said = useSignal('');
  const copy = async (format: 'tsv' | 'markdown') => {
    const shown = columns.shown.peek().slice(0, MOST_COLUMNS);
    const keys = (kind: Column['kind']) => [
      ...new Set(shown.filter((column) => column.kind === kind).map((column) => column.key)),
    ];
    const { filter, grouped, unfolded, ...others } = query.peek();
    try {
      const { reply } = await connection.request('runs', {
        filter,
        experiment_ids: null,
        order_by: orderOf({ filter, grouped, unfolded, ...others }),
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
      await write(format === 'tsv' ? toTsv([head, ...rows]) : toMarkdown([head, ...rows], numeric));
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
      await write(reply.code);
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

/** Return a number with the minus sign that other programs read. */
function plain(text: string): string {
  return /^−[\d.]|^−Infinity/.test(text) ? text.replaceAll('−', '-') : text;
}

/** Write to the clipboard. Pages without a secure connection only have the older command. */
async function write(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement('textarea');
  field.value = text;
  field.style.position = 'fixed';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (!done) {
    throw new Error('The browser does not let this page write to the clipboard.');
  }
}

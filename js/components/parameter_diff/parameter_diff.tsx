import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ask, type Connection, RequestError } from '../../connection/connection';
import type { DiffReply, DiffRow, ErrorReply } from '../../contract';
import { formatNumber, ofAll } from '../../logic/format';
import type { RunPages } from '../../state/pages';
import type { Selection } from '../../state/selection';
import { Check } from '../fields/fields';
import { Problem } from '../problem/problem';
import { Swatch } from '../swatch/swatch';

const SECTIONS: readonly (readonly [DiffRow['section'], string])[] = [
  ['param', 'Params'],
  ['metric', 'Metrics'],
  ['dataset', 'Datasets'],
  ['tag', 'Tags'],
  ['info', 'Run'],
  ['system', 'System metrics'],
];

/** Sections in which runs always differ. */
const EXPECTED: ReadonlySet<DiffRow['section']> = new Set(['info', 'system']);

interface Props {
  connection: Connection;
  selection: Selection;
  pages: RunPages;
}

/** The params and metrics of the selected runs side by side. Rows that differ are marked. */
export function ParameterDiff({ connection, selection, pages }: Props) {
  const reply = useSignal<DiffReply | null>(connection.first('diff')?.reply ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const fromSnapshot = useRef(reply.peek() !== null);
  const differences = useSignal(false);
  const run_ids = selection.compared.value;
  useEffect(() => {
    if (run_ids.length === 0) {
      reply.value = null;
      return;
    }
    // The answer in the snapshot is shown first. It is requested again together with the runs.
    if (fromSnapshot.current) {
      fromSnapshot.current = false;
      return;
    }
    return ask(
      connection,
      'diff',
      { run_ids },
      (answer) => {
        reply.value = answer.reply;
        error.value = null;
      },
      (failure) => (error.value = failure),
    );
  }, [run_ids.join(), again.value, pages.queries.value]);

  const more = async () => {
    const shown = reply.peek();
    if (!shown) {
      return;
    }
    try {
      const next = await connection.request('diff', { run_ids: shown.run_ids, offset: shown.rows.length });
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
  return (
    <section class="nbt-diff" aria-label="Differences">
      <div class="nbt-controls">
        <span class="nbt-controls-title">Side by side</span>
        {diff && diff.run_ids.length > 1 && (
          <Check class="nbt-only-differences" checked={differences.value} change={(on) => (differences.value = on)}>
            Only differences ({differing})
          </Check>
        )}
      </div>
      {diff === null ? (
        <p class="nbt-empty">
          {run_ids.length === 0 ? 'Select runs to compare their params and metrics.' : 'Loading…'}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, nobody could scroll here with the keyboard
        <section class="nbt-diff-scroll" tabIndex={0} aria-label="Params and metrics side by side">
          <table class="nbt-table nbt-diff-table">
            <thead>
              <tr>
                <th scope="col" class="nbt-pinned nbt-pin-0">
                  Key
                </th>
                {diff.run_ids.map((id, i) => (
                  <th key={id} scope="col" title={diff.run_names[i]}>
                    <Swatch slot={selection.slots.value.get(id)} />
                    <span class="nbt-diff-name">{diff.run_names[i]}</span>
                  </th>
                ))}
              </tr>
            </thead>
            {SECTIONS.map(([section, title]) => (
              <Section
                key={section}
                title={title}
                columns={diff.run_ids.length + 1}
                rows={diff.rows.filter((row) => row.section === section && (row.differs || !differences.value))}
              />
            ))}
          </table>
        </section>
      )}
      {diff && diff.rows.length < count && (
        <p class="nbt-more">
          <span class="nbt-muted" role="status">
            {ofAll(diff.rows.length, count, 'row')}
          </span>{' '}
          {connection.live && (
            <button type="button" class="nbt-link nbt-more-rows" onClick={() => void more()}>
              Show more rows
            </button>
          )}
        </p>
      )}
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </section>
  );
}

function Section({ title, columns, rows }: { title: string; columns: number; rows: DiffRow[] }) {
  if (rows.length === 0) {
    return null;
  }
  return (
    <tbody>
      <tr class="nbt-diff-section">
        <th colSpan={columns} scope="rowgroup">
          {title}
        </th>
      </tr>
      {rows.map((row) => (
        <tr key={row.key} class={row.differs ? 'nbt-differs' : ''} data-section={row.section} data-key={row.key}>
          <th scope="row" class="nbt-pinned nbt-pin-0" title={row.key}>
            {row.key}
            {row.differs && <span class="nbt-visually-hidden"> differs</span>}
          </th>
          {row.values.map((value, i) => (
            <td key={i} title={value ?? 'not set'} class={value === null ? 'nbt-missing' : ''}>
              {value === null
                ? '–'
                : row.section === 'metric' || row.section === 'system'
                  ? formatMetric(value)
                  : value}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function formatMetric(text: string): string {
  const number = Number(text.replace('−', '-'));
  return text.trim() === '' || Number.isNaN(number) ? text : formatNumber(number);
}

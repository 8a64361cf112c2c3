import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, type Connection } from '../../connection/connection';
import type { LineageReply, VersionRow } from '../../contract';
import { plural } from '../../logic/format';

/** The code, cell, data and environment of a version's run. Empty if none of these are known. */
export function Origin({ connection, version: { name, version } }: { connection: Connection; version: VersionRow }) {
  const reply = useSignal<LineageReply | null>(null);
  useEffect(
    () =>
      ask(
        connection,
        'lineage',
        { name, version },
        (answer) => (reply.value = answer.reply),
        // A saved notebook has no lineage in it. The run's metrics above are shown nevertheless.
        () => undefined,
      ),
    [name, version],
  );
  if (reply.value === null) {
    return null;
  }
  const { copied_from, parents, code, cell, datasets, python, requirements } = reply.value;
  const more = (count: number, noun: string) => (count > 0 ? plural(count, `more ${noun}`) : null);
  const rows: [label: string, text: string | undefined | null, title?: string][] = [
    ['copy of', copied_from],
    ['nested in', parents.join(' ‹ ')],
    ['code', code.source],
    [
      'commit',
      code.commit && code.commit.slice(0, 8) + (code.dirty === 'true' ? ' with uncommitted changes' : ''),
      code.commit,
    ],
    ...datasets.map((data): [string, string, string] => ['data', `${data.name} ${data.digest}`, data.source]),
    ['and', more(reply.value.dataset_count - datasets.length, 'dataset')],
    ['python', python],
    ['requires', requirements.join(', ')],
    ['and', more(reply.value.requirement_count - requirements.length, 'requirement')],
  ];
  return (
    <div class="nbt-origin">
      <dl class="nbt-pairs" aria-label="Lineage">
        {rows.map(
          ([label, text, title], i) =>
            text && (
              <div key={i}>
                <dt>{label}</dt>
                <dd title={title ?? text}>{text}</dd>
              </div>
            ),
        )}
      </dl>
      {cell && (
        <details class="nbt-cell-behind">
          <summary>Cell</summary>
          <pre>{cell}</pre>
        </details>
      )}
    </div>
  );
}

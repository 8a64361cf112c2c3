import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, type Connection } from '../../connection/connection';
import type { DiffReply, ErrorReply, VersionRow } from '../../contract';
import { formatNumber, plural } from '../../logic/format';
import { Problem } from '../problem/problem';

/** Params and metrics of the run that a version was registered from. */
export function RunBehind({
  connection,
  run_id,
  metrics,
}: {
  connection: Connection;
  run_id: string;
  metrics: VersionRow['metrics'];
}) {
  const reply = useSignal<DiffReply | null>(null);
  const error = useSignal<ErrorReply | null>(null);
  useEffect(
    () =>
      ask(
        connection,
        'diff',
        { run_ids: [run_id] },
        (answer) => (reply.value = answer.reply),
        (failure) => (error.value = failure),
      ),
    [run_id],
  );
  const params = reply.value?.rows.filter((row) => row.section === 'param') ?? [];
  return (
    <div class="nbt-run-behind">
      <dl class="nbt-pairs">
        {Object.entries(metrics).map(([key, value]) => (
          <div key={key}>
            <dt title={key}>{key}</dt>
            <dd>{formatNumber(value)}</dd>
          </div>
        ))}
      </dl>
      {params.length > 0 && (
        <dl class="nbt-pairs nbt-run-params">
          {params.map((row) => (
            <div key={row.key}>
              <dt title={row.key}>{row.key}</dt>
              <dd title={row.values[0] ?? ''}>{row.values[0]}</dd>
            </div>
          ))}
        </dl>
      )}
      {reply.value && (reply.value.count ?? 0) > reply.value.rows.length && (
        <p class="nbt-muted">and {plural(reply.value.count! - reply.value.rows.length, 'more row')}</p>
      )}
      <Problem error={error.value} />
    </div>
  );
}

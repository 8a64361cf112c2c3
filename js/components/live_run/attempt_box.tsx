import type { Attempt, Change } from '../../contract';
import { formatNumber, plural } from '../../logic/format';

/** What changed since the previous run of the same cell. */
export function AttemptBox({ attempt }: { attempt: Attempt }) {
  const params = attempt.changes.filter((change) => change.kind === 'param');
  const metrics = attempt.changes.filter((change) => change.kind === 'metric');
  const left = (attempt.change_count ?? 0) - attempt.changes.length;
  return (
    <section class="nbt-attempt" aria-label="Changes since the previous attempt">
      <div class="nbt-attempt-title">
        Attempt {attempt.number}
        <span class="nbt-muted">
          {', compared with '}
          <span class="nbt-run-name">{attempt.previous_run_name}</span>
          {attempt.code_changed ? ': code changed' : ''}
          {attempt.changes.length === 0 && !attempt.code_changed ? ': no changes' : ''}
        </span>
      </div>
      {attempt.changes.length > 0 && (
        <ul class="nbt-changes">
          {[...params, ...metrics].map((change) => (
            <ChangeItem key={`${change.kind} ${change.key}`} change={change} />
          ))}
          {left > 0 && <li class="nbt-muted">and {plural(left, 'more change')}</li>}
        </ul>
      )}
    </section>
  );
}

function ChangeItem({ change }: { change: Change }) {
  const show = (value: string | null) =>
    value === null ? 'not set' : change.kind === 'metric' ? metricText(value) : value;
  return (
    <li class="nbt-change" data-kind={change.kind} data-key={change.key}>
      <span class="nbt-change-key">{change.key}</span>
      <span class={`nbt-change-old ${change.old === null ? 'nbt-missing' : ''}`}>{show(change.old)}</span>
      <span role="img" aria-label="to">
        →
      </span>
      <span class={`nbt-change-new ${change.new === null ? 'nbt-missing' : ''}`}>{show(change.new)}</span>
    </li>
  );
}

/** Format a metric that was written by Python. */
function metricText(text: string): string {
  const number = Number(text.replace(/^(-?)inf$/, '$1Infinity'));
  return formatNumber(number);
}

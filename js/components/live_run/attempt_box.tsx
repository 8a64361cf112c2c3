import type { ComponentChildren } from 'preact';
import type { Attempt, Change } from '../../contract';
import { formatNumber } from '../../logic/format';

/** What changed since the previous run of the same cell. `children` are shown below the changes. */
export function AttemptBox({ attempt, children }: { attempt: Attempt; children: ComponentChildren }) {
  const params = attempt.changes.filter((change) => change.kind === 'param');
  const metrics = attempt.changes.filter((change) => change.kind === 'metric');
  return (
    <section class="nbt-attempt" aria-label="Changes since the previous attempt">
      <div class="nbt-attempt-title">
        Attempt {attempt.number}
        <span class="nbt-muted">
          {', compared with '}
          <span class="nbt-run-name">{attempt.previous_run_name}</span>
          {attempt.code_changed ? ': code changed' : ''}
          {(attempt.change_count ?? attempt.changes.length) === 0 && !attempt.code_changed ? ': no changes' : ''}
        </span>
      </div>
      {attempt.changes.length > 0 && (
        <ul class="nbt-changes">
          {[...params, ...metrics].map((change) => (
            <ChangeItem key={`${change.kind} ${change.key}`} change={change} />
          ))}
        </ul>
      )}
      {children}
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

import type { ComponentChildren } from 'preact';
import type { Attempt, Change } from '../../contract';
import { formatNumber } from '../../logic/format';
import { Difference } from '../value/value';

interface Props {
  attempt: Attempt;
  /** Whether the run may still log what differs. */
  isActive: boolean;
  /** What is shown below the changes. */
  children: ComponentChildren;
}

/** What changed since the previous run of the same cell, in params, code and results. */
export function AttemptBox({ attempt, isActive, children }: Props) {
  const params = attempt.changes.filter((change) => change.kind === 'param');
  const metrics = attempt.changes.filter((change) => change.kind === 'metric');
  const isSame = (attempt.change_count ?? attempt.changes.length) === 0 && !attempt.code_changed;
  return (
    <section class="nbt-attempt" aria-label="Changes since the previous attempt">
      <div class="nbt-attempt-title">
        {attempt.number === null ? 'Changes' : `Attempt ${attempt.number}`}
        <span class="nbt-muted">
          {attempt.number === null ? ' since the run before, ' : ', compared with '}
          <span class="nbt-run-name">{attempt.previous_run_name}</span>
          {attempt.code_changed ? ': code changed' : ''}
          {isSame ? (isActive ? ': nothing has changed so far' : ': nothing changed') : ''}
        </span>
      </div>
      <Changes name="Params" changes={params} />
      <Changes name={isActive ? 'Metrics' : 'Results'} changes={metrics} />
      {children}
    </section>
  );
}

function Changes({ name, changes }: { name: string; changes: Change[] }) {
  return changes.length === 0 ? null : (
    <div class="nbt-change-kind">
      <span class="nbt-change-title">{name}</span>
      <ul class="nbt-changes" aria-label={name}>
        {changes.map((change) => (
          <ChangeItem key={change.key} change={change} />
        ))}
      </ul>
    </div>
  );
}

function ChangeItem({ change }: { change: Change }) {
  const show = (value: string | null) =>
    value === null ? 'not set' : change.kind === 'metric' ? formatNumber(metricOf(value)) : value;
  const difference = metricOf(change.new) - metricOf(change.old);
  return (
    <li class="nbt-change" data-kind={change.kind} data-key={change.key}>
      <span class="nbt-change-key">{change.key}</span>
      <span class={`nbt-change-old ${change.old === null ? 'nbt-missing' : ''}`}>{show(change.old)}</span>
      <span role="img" aria-label="to">
        →
      </span>
      <span class={`nbt-change-new ${change.new === null ? 'nbt-missing' : ''}`}>{show(change.new)}</span>
      {change.better !== undefined && (
        <Difference
          difference={difference}
          lowerIsBetter={change.better === difference < 0}
          from="the previous attempt"
        />
      )}
    </li>
  );
}

/** Return a metric that was written by Python. */
function metricOf(text: string | null): number {
  return Number((text ?? 'nan').replace(/^(-?)inf$/, '$1Infinity'));
}

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type Answer, type Connection, isAbort, RequestError } from '../connection/connection';
import type { Attempt, Change, DatasetRow, ErrorReply, Panel, RunRow, Summary } from '../contract';
import { exactNumber, formatDuration, formatNumber, plural } from '../logic/format';
import { Chart, type ChartLine } from './chart';
import { Problem } from './problem';
import { StatusBadge } from './status';
import { Swatch } from './swatch';

export const MAX_POINTS = 1000;
const SYSTEM = 'system/';

/** One run as it goes: the kernel pushes its state, nobody polls. */
export function LiveRun({ connection, run_id }: { connection: Connection; run_id: string }) {
  const answer = useSignal<Answer<'live'> | null>(connection.first('live') ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  useEffect(
    () =>
      connection.subscribe(
        'live',
        (push) => {
          answer.value = push;
          error.value = null;
        },
        (failure) => {
          error.value = failure.reply;
        },
      ),
    [connection],
  );
  useEffect(() => {
    const controller = new AbortController();
    const before = answer.peek();
    connection.request('live', { run_id, max_points: MAX_POINTS }, controller.signal).then(
      (got) => {
        // While a cell trains, a push may overtake the reply.
        if (answer.peek() === before || got.reply.now >= (answer.peek()?.reply.now ?? 0)) {
          answer.value = got;
        }
        error.value = null;
      },
      (cause) => {
        if (!isAbort(cause)) {
          error.value = RequestError.of(cause).reply;
        }
      },
    );
    return () => controller.abort();
  }, [again.value]);
  const current = answer.value;
  return (
    <div class="nbt-live" data-live={connection.live} data-status={current?.reply.run.status}>
      {current ? <Run answer={current} live={connection.live} /> : !error.value && <p class="nbt-empty">Loading the run…</p>}
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </div>
  );
}

function Run({ answer, live }: { answer: Answer<'live'>; live: boolean }) {
  const { run, error, attempt, panels, system, datasets, summary, now } = answer.reply;
  const params = Object.entries(run.params);
  return (
    <>
      <header class="nbt-live-head">
        <span class="nbt-live-name nbt-run-name" title={run.run_id}>
          {run.run_name}
        </span>
        <span aria-live="polite">
          <StatusBadge status={run.status} />
        </span>
        <Elapsed run={run} now={now} live={live} />
        <span class="nbt-muted nbt-live-experiment" title="Experiment">
          {run.experiment_name}
        </span>
      </header>
      <div class="nbt-live-error" role="alert">
        {error && <code class="nbt-traceback">{error}</code>}
      </div>
      {params.length > 0 && (
        <dl class="nbt-params" aria-label="Params">
          {params.map(([key, value]) => (
            <div key={key} title={`${key} = ${value}`}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {datasets.length > 0 && <Datasets datasets={datasets} />}
      {attempt && <AttemptBox attempt={attempt} />}
      {panels.length === 0 && run.status === 'RUNNING' && (
        <p class="nbt-empty">No metrics yet. The curves begin with the first log_metric.</p>
      )}
      <div class="nbt-panels">
        {panels.map((panel) => (
          <PanelChart key={panel.title} title={panel.title} keys={panel.keys} answer={answer} />
        ))}
      </div>
      {run.status !== 'RUNNING' && summary.length > 0 && <SummaryTable summary={summary} />}
      {system.length > 0 && <Machine panels={system} answer={answer} />}
    </>
  );
}

/** What the run was given. */
function Datasets({ datasets }: { datasets: DatasetRow[] }) {
  return (
    <dl class="nbt-params nbt-datasets" aria-label="Datasets">
      {datasets.map((dataset) => (
        <div
          key={`${dataset.context} ${dataset.name} ${dataset.digest}`}
          title={`${dataset.name}, digest ${dataset.digest}${dataset.source && `, from ${dataset.source}`}`}
        >
          <dt>{dataset.context ?? 'dataset'}</dt>
          <dd>
            <span class="nbt-dataset-name">{dataset.name}</span> <code class="nbt-muted">{dataset.digest.slice(0, 8)}</code>
            {dataset.rows !== null && <span class="nbt-muted"> {plural(dataset.rows, 'row')}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The machine's own metrics: drawn when somebody looks, so that they are in nobody's way. */
function Machine({ panels, answer }: { panels: Panel[]; answer: Answer<'live'> }) {
  const open = useSignal(false);
  return (
    <section class="nbt-machine" aria-label="Machine">
      <button
        type="button"
        class="nbt-link nbt-machine-toggle"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {open.value ? "Hide the machine's metrics" : "Show the machine's metrics"}
      </button>
      {open.value && (
        <div class="nbt-panels">
          {panels.map((panel) => (
            <PanelChart key={panel.title} title={panel.title} keys={panel.keys} answer={answer} omit={SYSTEM} />
          ))}
        </div>
      )}
    </section>
  );
}

/** Ticks in the browser, by the kernel's clock. */
function Elapsed({ run, now, live }: { run: RunRow; now: number; live: boolean }) {
  const element = useRef<HTMLTimeElement>(null);
  const received = useMemo(() => Date.now(), [now]);
  const going = run.end_time === null && live && run.status === 'RUNNING';
  const elapsed = () => (run.end_time ?? now + (going ? Date.now() - received : 0)) - run.start_time;
  useEffect(() => {
    if (!going) {
      return;
    }
    const timer = setInterval(() => {
      if (element.current) {
        element.current.textContent = formatDuration(elapsed());
      }
    }, 200);
    return () => clearInterval(timer);
  }, [going, now]);
  return (
    <time ref={element} class="nbt-elapsed" title={`Started ${new Date(run.start_time).toLocaleString()}`}>
      {formatDuration(elapsed())}
    </time>
  );
}

interface PanelProps {
  title: string;
  keys: string[];
  answer: Answer<'live'>;
  /** What each key begins with and the legend need not say. */
  omit?: string;
}

function PanelChart({ title, keys, answer, omit = '' }: PanelProps) {
  const lines = linesOf(keys, answer);
  return (
    <figure class="nbt-panel" data-panel={title}>
      <figcaption class="nbt-panel-title">{title}</figcaption>
      <Chart lines={lines} label={`${title}: ${keys.join(', ')} by step`} xAxis="step" log={false} height={190} />
      <ul class="nbt-legend">
        {keys.map((key, slot) => (
          <li key={key} data-key={key}>
            <Swatch slot={slot} />
            <span class="nbt-legend-key" title={key}>
              {key.slice(omit.length)}
            </span>
            <span class="nbt-legend-value" title={exactNumber(answer.reply.run.metrics[key])}>
              {formatNumber(answer.reply.run.metrics[key])}
            </span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function linesOf(keys: string[], { reply, buffers }: Answer<'live'>): ChartLine[] {
  return reply.series.flatMap((series, i): ChartLine[] => {
    const slot = keys.indexOf(series.key);
    const x = buffers[2 * i];
    const y = buffers[2 * i + 1];
    return slot === -1 || !x || !y ? [] : [{ id: series.key, label: series.key, slot, x, y }];
  });
}

function SummaryTable({ summary }: { summary: Summary[] }) {
  return (
    <table class="nbt-table nbt-summary" aria-label="Summary">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col" class="nbt-number">
            Last
          </th>
          <th scope="col" class="nbt-number">
            Best
          </th>
          <th scope="col" class="nbt-number">
            at step
          </th>
          <th scope="col" class="nbt-number">
            Points
          </th>
        </tr>
      </thead>
      <tbody>
        {summary.map((row) => (
          <tr key={row.key} data-key={row.key}>
            <th scope="row">{row.key}</th>
            <td class="nbt-number" title={exactNumber(row.last)}>
              {formatNumber(row.last)}
            </td>
            <td class="nbt-number" title={`${row.lower_is_better ? 'Lowest' : 'Highest'}: ${exactNumber(row.best)}`}>
              {formatNumber(row.best)} <span class="nbt-muted">{row.lower_is_better ? 'min' : 'max'}</span>
            </td>
            <td class="nbt-number">{row.best_step ?? ''}</td>
            <td class="nbt-number">{row.points}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AttemptBox({ attempt }: { attempt: Attempt }) {
  const params = attempt.changes.filter((change) => change.kind === 'param');
  const metrics = attempt.changes.filter((change) => change.kind === 'metric');
  return (
    <section class="nbt-attempt" aria-label="Since the last attempt">
      <div class="nbt-attempt-title">
        Attempt {attempt.number}
        <span class="nbt-muted">
          {' '}
          since <span class="nbt-run-name">{attempt.previous_run_name}</span>
          {attempt.code_changed ? ': the code changed' : ''}
          {attempt.changes.length === 0 && !attempt.code_changed ? ': nothing changed so far' : ''}
        </span>
      </div>
      {attempt.changes.length > 0 && (
        <ul class="nbt-changes">
          {[...params, ...metrics].map((change) => (
            <ChangeItem key={`${change.kind} ${change.key}`} change={change} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ChangeItem({ change }: { change: Change }) {
  const show = (value: string | null) => (value === null ? 'not set' : change.kind === 'metric' ? metricText(value) : value);
  return (
    <li class="nbt-change" data-kind={change.kind} data-key={change.key}>
      <span class="nbt-change-key">{change.key}</span>
      <span class={`nbt-change-old ${change.old === null ? 'nbt-missing' : ''}`}>{show(change.old)}</span>
      <span aria-label="to">→</span>
      <span class={`nbt-change-new ${change.new === null ? 'nbt-missing' : ''}`}>{show(change.new)}</span>
    </li>
  );
}

/** A metric as Python wrote it. */
function metricText(text: string): string {
  const number = Number(text.replace(/^(-?)inf$/, '$1Infinity'));
  return formatNumber(number);
}


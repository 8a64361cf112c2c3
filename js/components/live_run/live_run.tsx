import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type Answer, type Connection, isAbort, RequestError } from '../../connection/connection';
import type { ErrorReply, Panel, RunRow } from '../../contract';
import { formatDuration } from '../../logic/format';
import { Problem } from '../problem/problem';
import { StatusBadge } from '../status/status';
import { AttemptBox } from './attempt_box';
import { Datasets } from './datasets';
import { Pager } from './pager';
import { PanelChart } from './panel_chart';
import { SummaryTable } from './summary_table';

export const MAX_POINTS = 1000;
/** How many metrics are shown at a time. The kernel pushes the first of them. */
const METRICS = 500;
/** How many params, datasets and changes the kernel sends at a time. */
const ITEMS = 200;
const SYSTEM = 'system/';

/** How many items of each list come before those that are shown. */
type Offsets = Record<'metric' | 'param' | 'dataset' | 'change', Signal<number>>;

/** A run while it is running. The kernel pushes its state, so the screen does not poll. */
export function LiveRun({ connection, run_id }: { connection: Connection; run_id: string }) {
  const answer = useSignal<Answer<'live'> | null>(connection.first('live') ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const asked = useRef<AbortController | null>(null);
  const stale = useRef(false);
  const offsets: Offsets = {
    metric: useSignal(0),
    param: useSignal(0),
    dataset: useSignal(0),
    change: useSignal(0),
  };
  // The kernel pushes the first page of each list.
  const isFirst = () => Object.values(offsets).every((offset) => offset.peek() === 0);
  useEffect(
    () =>
      connection.subscribe(
        'live',
        (push) => {
          if (isFirst()) {
            answer.value = push;
          } else if (asked.current) {
            // Until a busy kernel answers, there may be a push every half second.
            stale.current = true;
          } else {
            again.value += 1;
          }
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
    asked.current = controller;
    stale.current = false;
    const before = answer.peek();
    const request = {
      run_id,
      max_points: MAX_POINTS,
      offset: offsets.metric.value,
      limit: METRICS,
      param_offset: offsets.param.value,
      dataset_offset: offsets.dataset.value,
      change_offset: offsets.change.value,
    };
    const settled = connection.request('live', request, controller.signal).then(
      (got) => {
        // While a cell is training, a push may arrive before the reply to this request.
        if (!isFirst() || answer.peek() === before || got.reply.now >= (answer.peek()?.reply.now ?? 0)) {
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
    void settled.then(() => {
      if (asked.current === controller) {
        asked.current = null;
        if (stale.current && !controller.signal.aborted) {
          again.value += 1;
        }
      }
    });
    return () => controller.abort();
  }, [again.value, ...Object.values(offsets).map((offset) => offset.value)]);
  const current = answer.value;
  const count = current?.reply.metric_count ?? 0;
  return (
    <div class="nbt-live" data-live={connection.live} data-status={current?.reply.run.status}>
      {current ? (
        <Run answer={current} offsets={offsets} live={connection.live} />
      ) : (
        !error.value && <p class="nbt-empty">Loading the run…</p>
      )}
      <Pager offset={offsets.metric} size={METRICS} count={count} noun="metric" live={connection.live} />
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </div>
  );
}

function Run({ answer, offsets, live }: { answer: Answer<'live'>; offsets: Offsets; live: boolean }) {
  const { run, error, attempt, panels, system, datasets, summary, now } = answer.reply;
  const { param_count = 0, dataset_count = 0 } = answer.reply;
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
      <Pager offset={offsets.param} size={ITEMS} count={param_count} noun="param" live={live} />
      {datasets.length > 0 && <Datasets datasets={datasets} />}
      <Pager offset={offsets.dataset} size={ITEMS} count={dataset_count} noun="dataset" live={live} />
      {attempt && (
        <AttemptBox attempt={attempt}>
          <Pager offset={offsets.change} size={ITEMS} count={attempt.change_count ?? 0} noun="change" live={live} />
        </AttemptBox>
      )}
      {panels.length === 0 && run.status === 'RUNNING' && (
        <p class="nbt-empty">No metrics yet. Curves appear when the first metric is logged.</p>
      )}
      <div class="nbt-panels">
        {panels.map((panel) => (
          <PanelChart key={panel.title} title={panel.title} keys={panel.keys} answer={answer} />
        ))}
      </div>
      {run.status !== 'RUNNING' && summary.length > 0 && <SummaryTable summary={summary} />}
      {system.length > 0 && <SystemMetrics panels={system} answer={answer} />}
    </>
  );
}

/** The panels of system metrics. They are hidden until the user asks for them. */
function SystemMetrics({ panels, answer }: { panels: Panel[]; answer: Answer<'live'> }) {
  const open = useSignal(false);
  return (
    <section class="nbt-system" aria-label="System metrics">
      <button
        type="button"
        class="nbt-link nbt-system-toggle"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {open.value ? 'Hide system metrics' : 'Show system metrics'}
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

/** The time since the start of the run. It is updated in the browser, by the kernel's clock. */
function Elapsed({ run, now, live }: { run: RunRow; now: number; live: boolean }) {
  const element = useRef<HTMLTimeElement>(null);
  const received = useMemo(() => Date.now(), [now]);
  const running = run.end_time === null && live && run.status === 'RUNNING';
  const elapsed = () => (run.end_time ?? now + (running ? Date.now() - received : 0)) - run.start_time;
  useEffect(() => {
    if (!running) {
      return;
    }
    const timer = setInterval(() => {
      if (element.current) {
        element.current.textContent = formatDuration(elapsed());
      }
    }, 200);
    return () => clearInterval(timer);
  }, [running, now]);
  return (
    <time ref={element} class="nbt-elapsed" title={`Started ${new Date(run.start_time).toLocaleString()}`}>
      {formatDuration(elapsed())}
    </time>
  );
}

import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { LiveReply, PanelsView, RunRow } from '../../contract';
import { formatDuration } from '../../logic/format';
import { LiveRunState, METRICS, type Offsets } from '../../state/live_run';
import { MetricPanels } from '../panel_sections/metric_panels';
import { FoldButton } from '../panel_sections/panel_sections';
import { Problem } from '../problem/problem';
import { type Editing, RunName, RunNotes } from '../run_edit/run_edit';
import { StatusBadge } from '../status/status';
import { AttemptBox } from './attempt_box';
import { Datasets } from './datasets';
import { Alerts, Output, Warnings } from './messages';
import { Pager } from './pager';
import { ProgressBar } from './progress_bar';
import { StopButton, StopForm, Stopped } from './stop_run';
import { SummaryTable } from './summary_table';

/** The names of sections in the view. */
const OUTPUT = 'Output';
const SUMMARY = 'Summary';
/** A longer summary is folded at first. */
const MOST_IN_SUMMARY = 12;
/** How many params, datasets and changes the kernel sends at a time. */
const ITEMS = 200;

interface Props {
  connection: Connection;
  run_id: string;
  /** How its panels are shown. */
  view: Signal<PanelsView>;
}

/** A run while it is running, and after its end. */
export function LiveRun({ connection, run_id, view }: Props) {
  const state = useMemo(() => new LiveRunState(connection, run_id), [connection, run_id]);
  useEffect(() => state.start(), [state]);
  const reply = state.reply.value;
  const error = state.error.value;
  return (
    <div class="nbt-live" data-live={connection.live} data-status={reply?.run.status}>
      {reply ? (
        // With a key, because a form that was opened for one run must not change the next one.
        <Run key={reply.run.run_id} reply={reply} state={state} view={view} connection={connection} />
      ) : (
        !error && <p class="nbt-empty">Loading the run…</p>
      )}
      <ListPager state={state} list="metric" size={METRICS} count={reply?.metric_count ?? 0} live={connection.live} />
      <Problem error={error} retry={() => state.request()} />
    </div>
  );
}

interface ListPagerProps {
  state: LiveRunState;
  list: keyof Offsets;
  size?: number;
  count: number;
  live: boolean;
}

function ListPager({ state, list, size = ITEMS, count, live }: ListPagerProps) {
  const { value } = state.offsets[list];
  return <Pager offset={value} turn={(to) => state.turn(list, to)} size={size} count={count} noun={list} live={live} />;
}

interface RunProps {
  reply: LiveReply;
  state: LiveRunState;
  view: Signal<PanelsView>;
  connection: Connection;
}

function Run({ reply, state, view, connection }: RunProps) {
  const { run, error, attempt, panels, system, datasets, summary, now } = reply;
  const { param_count = 0, dataset_count = 0 } = reply;
  // Notebooks saved by earlier versions lack these.
  const { progress, output = [], warnings = [], alerts = [], stop, can_stop = false, note = '', tags = {} } = reply;
  const { live } = connection;
  const isRunning = run.status === 'RUNNING';
  const isStopping = useSignal(false);
  const params = Object.entries(run.params);
  const editing: Editing | null = live
    ? {
        connection,
        run_id: run.run_id,
        changed: ({ name, ...others }) => state.change(run.run_id, others, { run_name: name }),
        refresh: () => state.request(),
      }
    : null;
  const isOpen = (section: string) => view.value.open[section] ?? false;
  const fold = (section: string) => (next: boolean) =>
    (view.value = { ...view.peek(), open: { ...view.peek().open, [section]: next } });
  return (
    <>
      {/* It gets the focus if the button that had it is gone. */}
      <header class="nbt-live-head" tabIndex={-1}>
        <RunName name={run.run_name} run_id={run.run_id} editing={editing} />
        <span aria-live="polite">
          <StatusBadge status={run.status} />
        </span>
        <Elapsed run={run} now={now} live={live} />
        <span class="nbt-muted nbt-live-experiment" title="Experiment">
          {run.experiment_name}
        </span>
        {live && can_stop && !stop && <StopButton isOpen={isStopping} />}
      </header>
      {live && can_stop && !stop && isStopping.value && (
        <StopForm
          connection={connection}
          run={run}
          asked={(request) => state.change(run.run_id, { stop: request })}
          close={() => (isStopping.value = false)}
        />
      )}
      {stop && <Stopped stop={stop} isActive={isRunning} />}
      {progress && <ProgressBar progress={progress} isRunning={isRunning && live} />}
      <div class="nbt-live-error" role="alert">
        {error && <code class="nbt-traceback">{error}</code>}
      </div>
      <Alerts alerts={alerts} />
      <RunNotes note={note} tags={tags} editing={editing} />
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
      <ListPager state={state} list="param" count={param_count} live={live} />
      {datasets.length > 0 && <Datasets datasets={datasets} />}
      <ListPager state={state} list="dataset" count={dataset_count} live={live} />
      {attempt && (
        <AttemptBox attempt={attempt} isActive={isRunning}>
          <ListPager state={state} list="change" count={attempt.change_count ?? 0} live={live} />
        </AttemptBox>
      )}
      {warnings.length > 0 && <Warnings warnings={warnings} />}
      {panels.length === 0 && isRunning && (
        <p class="nbt-empty">No metrics yet. Curves appear when the first metric is logged.</p>
      )}
      <MetricPanels panels={panels} system={system} data={state.data} view={view} run_id={run.run_id}>
        {!isRunning && summary.length > MOST_IN_SUMMARY && (
          <FoldButton title={SUMMARY} count={summary.length} isOpen={isOpen(SUMMARY)} change={fold(SUMMARY)} />
        )}
        {!isRunning && summary.length > 0 && (summary.length <= MOST_IN_SUMMARY || isOpen(SUMMARY)) && (
          <SummaryTable summary={summary} />
        )}
      </MetricPanels>
      {output.length > 0 && <Output lines={output} isOpen={isOpen(OUTPUT)} change={fold(OUTPUT)} />}
    </>
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

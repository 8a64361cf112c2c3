import type { Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { PanelsView, RunPageReply } from '../../contract';
import { formatDuration } from '../../logic/format';
import { RunPageState } from '../../state/run_page';
import { Problem } from '../problem/problem';
import { RunName } from '../run_edit/run_edit';
import { SavedNote } from '../saved_note/saved_note';
import { StatusBadge } from '../status/status';
import { Artifacts } from './artifacts';
import { Children } from './children';
import { Curves } from './curves';
import { Code, Datasets, Models, Params } from './lists';
import { Overview } from './overview';
import { editingOf, RunButton } from './parts';
import { type Tab, Tabs } from './tabs';

/** The tab of artifacts. In the name of the open tab, the path of the artifact that is shown follows it. */
const ARTIFACTS = 'Artifacts';

interface Props {
  connection: Connection;
  run_id: string;
  /** The name of the tab that is open. */
  tab: Signal<string>;
  /** How the panels of its metrics are shown. */
  view: Signal<PanelsView>;
}

/** All that is known about a run, in tabs. */
export function RunPage({ connection, run_id, tab, view }: Props) {
  const state = useMemo(() => new RunPageState(connection, run_id), [connection, run_id]);
  useEffect(() => state.start(), [state]);
  const reply = state.reply.value;
  const error = state.error.value;
  const [open, path] = tab.value.split(/\/(.*)/s, 2);
  const select = (to: string) => (tab.value = `${ARTIFACTS}/${to}`);
  const tabsOf = (found: RunPageReply): Tab[] => {
    const props = { reply: found, state, key: found.run.run_id };
    return [
      ['Overview', null, () => <Overview {...props} />],
      ['Params', found.param_count, () => <Params {...props} />],
      ['Curves', found.metric_count, () => <Curves {...props} view={view} />],
      [ARTIFACTS, null, () => <Artifacts {...props} selected={path ?? ''} select={select} />],
      ['Code', null, () => <Code {...props} />],
      ['Data', found.dataset_count, () => <Datasets {...props} />],
      ['Children', found.child_count, () => <Children {...props} />],
      ['Models', found.model_count, () => <Models {...props} select={select} />],
    ];
  };
  const before = state.trail.value.slice(0, -1);
  return (
    <div class="nbt-run-page" data-status={reply?.run.status}>
      {!connection.live && <SavedNote />}
      {before.length > 0 && (
        <button type="button" class="nbt-link" onClick={() => state.show(before)}>
          ← Back
        </button>
      )}
      {reply ? (
        <>
          <Head reply={reply} state={state} />
          <Tabs tabs={tabsOf(reply)} open={open!} change={(name) => (tab.value = name)} />
        </>
      ) : (
        !error && <p class="nbt-empty">Loading the run…</p>
      )}
      <Problem error={error} retry={() => void state.request()} />
    </div>
  );
}

function Head({ reply: { run, now, parents, is_deleted }, state }: { reply: RunPageReply; state: RunPageState }) {
  return (
    <>
      <header class="nbt-live-head">
        <RunName name={run.run_name} run_id={run.run_id} editing={editingOf(state)} />
        <span aria-live="polite">
          <StatusBadge status={run.status} />
        </span>
        <span>{formatDuration((run.end_time ?? now) - run.start_time)}</span>
        {parents.map((parent) => (
          <span key={parent.run_id} class="nbt-muted">
            in <RunButton run={parent} state={state} />
          </span>
        ))}
        <span class="nbt-muted nbt-live-experiment" title="Experiment">
          {run.experiment_name}
        </span>
      </header>
      {is_deleted && (
        <p class="nbt-notice">
          This run is deleted. <code>nbtrack.restore_run</code> restores it, until <code>nbtrack gc</code> removes it.
        </p>
      )}
    </>
  );
}

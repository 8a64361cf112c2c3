import type { RunPageReply } from '../../contract';
import { formatNumber, formatTime } from '../../logic/format';
import type { RunPageState } from '../../state/run_page';
import { AttemptBox } from '../live_run/attempt_box';
import { RunNotes } from '../run_edit/run_edit';
import { editingOf, ListPager, Pairs, Scroll } from './parts';

/** How many metrics are shown. The others are among the curves. */
const METRICS = 40;

/** What one wants to know of a run first: how it ended, its results, where it came from, and what was changed for it. */
export function Overview({ reply, state }: { reply: RunPageReply; state: RunPageState }) {
  const { run, source, tags, error, reason, changes, code_diff } = reply;
  const metrics = Object.entries(run.metrics).slice(0, METRICS);
  const commit = source.commit && `${source.commit.slice(0, 12)}${source.dirty ? ', with uncommitted changes' : ''}`;
  return (
    <>
      {error && <pre class="nbt-traceback">{error}</pre>}
      {reason && <p class="nbt-traceback">{reason}</p>}
      <RunNotes note={run.note} tags={tags} editing={editingOf(state)} />
      <Pairs title="Last values" pairs={metrics.map(([key, value]) => [key, formatNumber(value)])} />
      <Pairs
        title="Facts"
        pairs={[
          ['Started', formatTime(run.start_time)],
          ['Ended', run.end_time && formatTime(run.end_time)],
          ['By', run.user_id],
          ['Source', source.name],
          ['Commit', commit],
          ['Branch', source.branch],
          ['Repository', source.repository],
          ['Imported from', reply.imported],
          ['Run ID', run.run_id],
          ['Artifacts', reply.artifact_uri],
        ]}
      />
      {changes && (
        <AttemptBox attempt={changes} isActive={run.status === 'RUNNING'}>
          {code_diff.length > 0 && (
            <Scroll label="Changes of the code">
              <pre>
                {code_diff.map((line, i) => (
                  <span key={i} class={LINES[line[0]!]}>
                    {`${line}\n`}
                  </span>
                ))}
              </pre>
            </Scroll>
          )}
          <ListPager state={state} list="change" count={changes.change_count ?? 0} />
        </AttemptBox>
      )}
    </>
  );
}

const LINES: Record<string, string> = { '+': 'nbt-better', '-': 'nbt-worse', '@': 'nbt-muted' };

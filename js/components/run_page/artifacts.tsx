import { useSignal } from '@preact/signals';
import type { RunPageReply } from '../../contract';
import { formatBytes, plural } from '../../logic/format';
import type { RunPageState } from '../../state/run_page';
import { Pager } from '../live_run/pager';
import { useReply } from './parts';
import { Preview } from './preview';

/** How many entries of a folder are requested at a time. */
const FILES = 200;

interface Props {
  reply: RunPageReply;
  state: RunPageState;
  /** The path of the artifact that is shown. Empty if there is none. */
  selected: string;
  select: (path: string) => void;
}

/** The artifacts of a run as a tree, and a preview of the one that is selected. */
export function Artifacts(props: Props) {
  const { reply, state, selected, select } = props;
  return (
    <div class="nbt-artifacts">
      <Folder path="" {...props} />
      <div>
        {selected ? (
          <Preview connection={state.connection} run_id={reply.run.run_id} path={selected} select={select} />
        ) : (
          <p class="nbt-empty">Select a file to see it.</p>
        )}
      </div>
    </div>
  );
}

/** A page of what is in a folder. A folder in it is read when it is opened. */
function Folder(props: Props & { path: string }) {
  const { reply, state, selected, select, path } = props;
  const { connection, changes } = state;
  const offset = useSignal(0);
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const payload = { run_id: reply.run.run_id, path, offset: offset.value, limit: FILES };
  const [folder, shown] = useReply(connection, 'artifacts', payload, changes.value);
  const fold = (folder: string, isOpen: boolean) => {
    const next = new Set(opened.peek());
    next[isOpen ? 'add' : 'delete'](folder);
    opened.value = next;
  };
  return (
    <div>
      {shown}
      {folder?.count === 0 && <p class="nbt-muted">No artifacts</p>}
      <ul class="nbt-files" aria-label={path || 'Artifacts'}>
        {folder?.entries.map((entry) => {
          // The folders around the artifact that is shown are open. A notebook keeps only the first level.
          const isOpen = opened.value.has(entry.path) || selected.startsWith(`${entry.path}/`);
          const canOpen = entry.is_dir && connection.live;
          return (
            <li key={entry.path}>
              <button
                type="button"
                title={entry.path}
                aria-expanded={canOpen ? isOpen : undefined}
                aria-current={entry.path === selected}
                onClick={() => {
                  fold(entry.path, !isOpen);
                  select(entry.path);
                }}
              >
                <span class="nbt-fold-mark" aria-hidden="true">
                  {entry.is_dir ? (canOpen && isOpen ? '▾' : '▸') : ''}
                </span>
                <span class="nbt-file-name">{entry.name}</span>
                <span class="nbt-muted">
                  {entry.steps ? plural(entry.steps, 'step') : entry.size === null ? '' : formatBytes(entry.size)}
                </span>
              </button>
              {canOpen && isOpen && <Folder {...props} path={entry.path} />}
            </li>
          );
        })}
      </ul>
      <Pager
        offset={offset.value}
        turn={(to) => (offset.value = to)}
        size={FILES}
        count={folder?.count ?? 0}
        noun="file"
        live={connection.live}
      />
    </div>
  );
}

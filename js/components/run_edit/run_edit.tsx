import { type Connection, RequestError } from '../../connection/connection';
import type { EditRunReply, EditRunRequest } from '../../contract';
import { Tags } from '../tags/tags';
import { InlineEdit } from './inline_edit';

/** How the name, the note and the tags of a run are changed. */
export interface Editing {
  connection: Connection;
  run_id: string;
  /** Called with what the run has once it has been changed. */
  changed: (reply: EditRunReply) => void;
  /** Reads the run again, because it has another value than the form has shown. */
  refresh: () => void;
}

async function edit(editing: Editing, fields: Omit<EditRunRequest, 'run_id'>): Promise<void> {
  const { connection, run_id, changed, refresh } = editing;
  try {
    changed((await connection.request('edit_run', { run_id, ...fields })).reply);
  } catch (cause) {
    if (RequestError.of(cause).reply.error_code === 'RESOURCE_CONFLICT') {
      refresh();
    }
    throw cause;
  }
}

/** The name of a run. It can be edited if `editing` is given. */
export function RunName({ name, run_id, editing }: { name: string; run_id: string; editing: Editing | null }) {
  const shown = (
    <span class="nbt-live-name nbt-run-name" title={run_id}>
      {name}
    </span>
  );
  return editing ? (
    <InlineEdit label="name" value={name} save={(value, seen) => edit(editing, { name: value, seen: { name: seen } })}>
      {shown}
    </InlineEdit>
  ) : (
    shown
  );
}

interface NotesProps {
  note: string;
  tags: Readonly<Record<string, string>>;
  editing: Editing | null;
}

/** The note and the tags of a run. */
export function RunNotes({ note, tags, editing }: NotesProps) {
  const keys = Object.keys(tags);
  if (!editing && note === '' && keys.length === 0) {
    return null;
  }
  const text = note !== '' && (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <span class="nbt-note" role="note" aria-label="Note" tabIndex={0}>
      {note}
    </span>
  );
  return (
    <div class="nbt-run-notes">
      {editing ? (
        <InlineEdit
          label="note"
          value={note}
          multiline
          {...(note === '' && { add: 'Add a note' })}
          save={(value, seen) => edit(editing, { note: value, seen: { note: seen } })}
        >
          {text}
        </InlineEdit>
      ) : (
        text
      )}
      <Tags
        tags={tags}
        change={
          editing &&
          ((key, value, seen) =>
            edit(editing, {
              ...(value === null ? { delete_tags: [key] } : { set_tags: { [key]: value } }),
              seen: { tags: { [key]: seen } },
            }))
        }
      />
    </div>
  );
}

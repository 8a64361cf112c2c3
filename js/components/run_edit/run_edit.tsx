import { type Signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { type Connection, RequestError } from '../../connection/connection';
import type { EditRunReply, EditRunRequest, ErrorReply } from '../../contract';
import { plural } from '../../logic/format';
import { Form } from '../form/form';
import { useReturnedFocus } from '../form/returned_focus';
import { Problem } from '../problem/problem';
import { InlineEdit } from './inline_edit';

/** How many tags are shown until the user asks for all of them. */
const MOST_TAGS = 12;

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
      <Tags tags={tags} editing={editing} />
    </div>
  );
}

function Tags({ tags, editing }: Omit<NotesProps, 'note'>) {
  const all = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const keys = Object.keys(tags).sort();
  const shown = all.value ? keys : keys.slice(0, MOST_TAGS);
  const remove = async (key: string, button: HTMLElement) => {
    // The button goes away with its tag.
    const list = button.closest<HTMLElement>('.nbt-run-notes');
    try {
      error.value = null;
      await edit(editing!, { delete_tags: [key], seen: { tags: { [key]: tags[key]! } } });
      list?.querySelector<HTMLElement>('.nbt-add-tag > button')?.focus();
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  return (
    <>
      {keys.length > 0 && (
        <ul class="nbt-tags" aria-label="Tags">
          {shown.map((key) => (
            <li key={key} title={`${key}: ${tags[key]}`}>
              <span class="nbt-tag-key">{key}</span>
              {editing ? (
                <>
                  <InlineEdit
                    label={`tag ${key}`}
                    value={tags[key]!}
                    save={(value, seen) =>
                      edit(editing, { set_tags: { [key]: value }, seen: { tags: { [key]: seen } } })
                    }
                  >
                    <span class="nbt-tag-value">{tags[key]}</span>
                  </InlineEdit>
                  <button
                    type="button"
                    class="nbt-button nbt-pencil"
                    aria-label={`Delete the tag ${key}`}
                    title={`Delete the tag ${key}`}
                    onClick={(event) => void remove(key, event.currentTarget)}
                  >
                    ×
                  </button>
                </>
              ) : (
                <span class="nbt-tag-value">{tags[key]}</span>
              )}
            </li>
          ))}
          {keys.length > MOST_TAGS && (
            <li>
              <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
                {all.value ? `Show only ${MOST_TAGS} tags` : `Show all ${plural(keys.length, 'tag')}`}
              </button>
            </li>
          )}
        </ul>
      )}
      {editing && <AddTag tags={tags} editing={editing} />}
      <Problem error={error.value} />
    </>
  );
}

/** The button for a new tag, and its form. */
function AddTag({ tags, editing }: { tags: NotesProps['tags']; editing: Editing }) {
  const isOpen = useSignal(false);
  return (
    <span class="nbt-add-tag">
      <button
        type="button"
        class="nbt-link"
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        Add a tag
      </button>
      {isOpen.value && <TagForm tags={tags} editing={editing} close={() => (isOpen.value = false)} />}
    </span>
  );
}

interface TagFormProps {
  tags: NotesProps['tags'];
  editing: Editing;
  close: () => void;
}

function TagForm({ tags, editing, close }: TagFormProps) {
  const key = useSignal('');
  const value = useSignal('');
  const error = useSignal<ErrorReply | null>(null);
  const first = useRef<HTMLInputElement>(null);
  useReturnedFocus();
  useLayoutEffect(() => first.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const name = key.value.trim();
    try {
      await edit(editing, { set_tags: { [name]: value.value }, seen: { tags: { [name]: tags[name] ?? null } } });
      close();
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  const field = (label: string, typed: Signal<string>) => ({
    class: 'nbt-input',
    'aria-label': label,
    placeholder: label,
    value: typed.value,
    onInput: (event: { currentTarget: { value: string } }) => (typed.value = event.currentTarget.value),
  });
  return (
    <Form
      class="nbt-inline-form"
      aria-label="Add a tag"
      onSubmit={submit}
      onKeyDownCapture={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          close();
        }
      }}
    >
      <input ref={first} {...field('Key', key)} />
      <input {...field('Value', value)} />
      <button type="submit" class="nbt-button nbt-primary">
        Save
      </button>
      <button type="button" class="nbt-button" onClick={close}>
        Cancel
      </button>
      <Problem error={error.value} />
    </Form>
  );
}

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { ErrorReply } from '../../contract';
import { plural } from '../../logic/format';
import { InlineForm } from '../form/inline_form';
import { useReturnedFocus } from '../form/returned_focus';
import { Problem } from '../problem/problem';
import { InlineEdit } from '../run_edit/inline_edit';

/** How many tags are shown until the user asks for all of them. */
const MOST_TAGS = 12;

interface Props {
  tags: Readonly<Record<string, string>>;
  /**
   * Sets a tag that had the value `seen`, or deletes it if the value is null. `seen` is null if there was no tag. Null if
   * the tags cannot be changed.
   */
  change: ((key: string, value: string | null, seen: string | null) => Promise<void>) | null;
}

/** Tags, each with its value, and a form for a new one. */
export function Tags({ tags, change }: Props) {
  const all = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const keys = Object.keys(tags).sort();
  const shown = all.value ? keys : keys.slice(0, MOST_TAGS);
  return (
    <>
      {keys.length > 0 && (
        <ul class="nbt-tags" aria-label="Tags">
          {shown.map((key) => (
            <li key={key} title={`${key}: ${tags[key]}`}>
              <span class="nbt-tag-key">{key}</span>
              {change ? (
                <>
                  <InlineEdit label={`tag ${key}`} value={tags[key]!} save={(value, seen) => change(key, value, seen)}>
                    <span class="nbt-tag-value">{tags[key]}</span>
                  </InlineEdit>
                  <DeleteButton label={`the tag ${key}`} error={error} remove={() => change(key, null, tags[key]!)} />
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
      {change && (
        <AddForm
          label="Add a tag"
          fields={['Key', 'Value']}
          add={([key, value]) => change(key!.trim(), value!, tags[key!.trim()] ?? null)}
        />
      )}
      <Problem error={error.value} />
    </>
  );
}

interface DeleteProps {
  /** What is deleted, as in "Delete the tag team". */
  label: string;
  error: { value: ErrorReply | null };
  remove: () => Promise<void>;
}

/** The button that deletes a row of a list. It goes away with its row, so the button below the list gets the focus. */
export function DeleteButton({ label, error, remove }: DeleteProps) {
  const click = async (button: HTMLElement) => {
    const list = button.closest('ul');
    try {
      error.value = null;
      await remove();
      (list?.parentElement ?? document).querySelector<HTMLElement>('.nbt-add > button')?.focus();
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  return (
    <button
      type="button"
      class="nbt-button nbt-pencil"
      aria-label={`Delete ${label}`}
      title={`Delete ${label}`}
      // The second click of a double click may come on the button of the next row.
      onClick={(event) => event.detail < 2 && void click(event.currentTarget)}
    >
      ×
    </button>
  );
}

interface AddProps {
  /** What the button says. */
  label: string;
  fields: readonly string[];
  /** Returns what will happen, in a sentence, if that is worth saying. */
  effect?: (values: string[]) => string;
  add: (values: string[]) => Promise<void>;
}

/** A button that opens a form with a few short fields. */
export function AddForm(props: AddProps) {
  const isOpen = useSignal(false);
  return (
    <span class="nbt-add">
      <button
        type="button"
        class="nbt-link"
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        {props.label}
      </button>
      {isOpen.value && <Fields {...props} close={() => (isOpen.value = false)} />}
    </span>
  );
}

function Fields({ label, fields, effect, add, close }: AddProps & { close: () => void }) {
  const values = useSignal(fields.map(() => ''));
  const error = useSignal<ErrorReply | null>(null);
  const first = useRef<HTMLInputElement>(null);
  useReturnedFocus();
  useLayoutEffect(() => first.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await add(values.value);
      close();
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  return (
    <InlineForm aria-label={label} submit={submit} close={close} error={error.value} note={effect?.(values.value)}>
      {fields.map((field, i) => (
        <input
          key={field}
          ref={i === 0 ? first : undefined}
          class="nbt-input"
          aria-label={field}
          placeholder={field}
          value={values.value[i]}
          onInput={({ currentTarget }) =>
            (values.value = values.value.map((old, at) => (at === i ? currentTarget.value : old)))
          }
        />
      ))}
    </InlineForm>
  );
}

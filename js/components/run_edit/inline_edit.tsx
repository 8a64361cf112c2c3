import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { ErrorReply } from '../../contract';
import { InlineForm } from '../form/inline_form';

interface Props {
  /** What is edited, as in "Edit the name". */
  label: string;
  value: string;
  /** Whether it may have several lines. Then Shift+Enter begins a new one. */
  multiline?: boolean;
  /** The text of the button if there is no value. */
  add?: string;
  /** Saves a value in the place of the one that the form has shown. */
  save: (value: string, seen: string) => Promise<void>;
  /** The value as it is shown. */
  children?: ComponentChildren;
}

/** A value that can be edited where it stands. Enter saves it, Escape does not, and the focus goes back to the button. */
export function InlineEdit({ label, value, multiline = false, add, save, children }: Props) {
  const isOpen = useSignal(false);
  const typed = useSignal('');
  const seen = useSignal('');
  const error = useSignal<ErrorReply | null>(null);
  const isConflict = useSignal(false);
  const busy = useSignal(false);
  const area = useRef<HTMLSpanElement>(null);
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    const field = area.current?.querySelector<HTMLInputElement | HTMLTextAreaElement>('input, textarea');
    if (field) {
      field.focus();
      field.select();
    } else if (wasOpen.current) {
      area.current?.querySelector('button')?.focus();
    }
    wasOpen.current = isOpen.value;
  }, [isOpen.value]);
  const open = () => {
    typed.value = value;
    seen.value = value;
    error.value = null;
    isConflict.value = false;
    isOpen.value = true;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.peek()) {
      return;
    }
    if (typed.value === seen.value && !isConflict.value) {
      isOpen.value = false;
      return;
    }
    busy.value = true;
    try {
      // After a conflict, the user has been shown the value that is there now.
      await save(typed.value, isConflict.value ? value : seen.value);
      isOpen.value = false;
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
      isConflict.value = error.value.error_code === 'RESOURCE_CONFLICT';
    }
    busy.value = false;
  };
  const field = {
    'aria-label': label,
    value: typed.value,
    onInput: (event: { currentTarget: { value: string } }) => (typed.value = event.currentTarget.value),
  };
  return (
    <span class="nbt-inline-edit" ref={area}>
      {isOpen.value ? (
        <InlineForm
          aria-label={`Edit the ${label}`}
          submit={submit}
          close={() => (isOpen.value = false)}
          keyDown={(event) => {
            // On a button, the key does what the button does.
            const isText = multiline && event.target instanceof HTMLTextAreaElement;
            if (isText && event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
              void submit(event);
            }
          }}
          busy={busy.value}
          error={error.value}
          note={
            isConflict.value && (
              <>
                It is now: <q>{value}</q>. Save again to replace it by what you have typed.
              </>
            )
          }
        >
          {multiline ? <textarea class="nbt-input" rows={3} {...field} /> : <input class="nbt-input" {...field} />}
        </InlineForm>
      ) : (
        <>
          {children}
          <button
            type="button"
            class={add ? 'nbt-link' : 'nbt-button nbt-pencil'}
            aria-label={add ? undefined : `Edit the ${label}`}
            title={add ? undefined : `Edit the ${label}`}
            onClick={open}
          >
            {add ?? '✎'}
          </button>
        </>
      )}
    </span>
  );
}

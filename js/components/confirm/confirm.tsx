import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { ErrorReply } from '../../contract';
import { Form } from '../form/form';
import { useReturnedFocus } from '../form/returned_focus';
import { useUniqueId } from '../form/unique_id';
import { Problem } from '../problem/problem';

/** How long the primary button does nothing. The second click of a double click comes within this time. */
export const DEAD_MS = 500;

interface Props {
  class: string;
  'aria-label'?: string;
  /** The text of the primary button. */
  action: string;
  /** What will happen, in a sentence. Null while it is not known. */
  effect: string | null;
  /** Whether the form is complete. */
  ready?: boolean;
  /** Whether the action takes something away, so that its button is red. */
  danger?: boolean;
  /** What the user gives as the reason. Without it, the form does not ask for one. */
  reason?: Signal<string>;
  /** Why the form is not sent without a reason. */
  reasonNeeded?: string | false;
  error: Signal<ErrorReply | null>;
  send: () => Promise<void>;
  retry?: (() => void) | undefined;
  cancel?: (() => void) | undefined;
  /** What stands above the reason, such as further fields and what the action replaces. */
  children?: ComponentChildren;
}

/**
 * The form of every action that replaces or takes away something. It says what it will do, and does it once: its primary
 * button is dead for half a second after it appears and after what it says changes, because the user clicked on
 * something else until then. Its first field gets the focus, and when the form is gone, what had the focus before. So
 * the button that opens a form must stay on the page.
 */
export function Confirm({
  action,
  effect,
  ready = true,
  danger = false,
  reason,
  reasonNeeded = false,
  error,
  send,
  retry,
  cancel,
  children,
  ...form
}: Props) {
  const id = useUniqueId();
  const busy = useSignal(false);
  const dead = useSignal(true);
  const area = useRef<HTMLSpanElement>(null);
  useReturnedFocus();
  useLayoutEffect(() => area.current?.closest('form')?.querySelector<HTMLElement>('select, input')?.focus(), []);
  useEffect(() => {
    dead.value = true;
    const timer = setTimeout(() => (dead.value = false), DEAD_MS);
    return () => clearTimeout(timer);
  }, [effect]);
  const closed = !ready || effect === null || (reasonNeeded !== false && reason?.value.trim() === '');
  const submit = async (event: Event) => {
    event.preventDefault();
    if (closed || dead.peek() || busy.peek()) {
      return;
    }
    busy.value = true;
    try {
      // A form that was sent is not sent again, also if it is still there.
      await send();
      error.value = null;
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
      busy.value = false;
    }
  };
  return (
    <Form
      {...form}
      onSubmit={submit}
      onKeyDownCapture={(event) => {
        if (cancel && event.key === 'Escape') {
          event.stopPropagation();
          cancel();
        }
      }}
    >
      {children}
      {reason && (
        <span class="nbt-field nbt-reason-field">
          <label for={id}>Reason</label>
          <input
            id={id}
            class="nbt-input"
            type="text"
            required={reasonNeeded !== false}
            placeholder={reasonNeeded || 'recorded in the history'}
            autocomplete="off"
            value={reason.value}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        </span>
      )}
      <p class="nbt-effect" aria-live="polite">
        {effect}
      </p>
      <span class="nbt-buttons" ref={area}>
        <button
          type="submit"
          class={`nbt-button nbt-primary ${danger ? 'nbt-danger' : ''}`}
          aria-disabled={closed || dead.value || busy.value}
        >
          {action}
        </button>
        {cancel && (
          <button type="button" class="nbt-button" onClick={cancel}>
            Cancel
          </button>
        )}
      </span>
      <Problem error={error.value} retry={retry} />
    </Form>
  );
}

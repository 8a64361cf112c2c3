import type { ComponentChildren } from 'preact';
import type { ErrorReply } from '../../contract';
import { Problem } from '../problem/problem';
import { Form } from './form';

interface Props {
  'aria-label': string;
  submit: (event: Event) => void;
  close: () => void;
  /** Called before the form and its buttons get a key. */
  keyDown?: (event: KeyboardEvent) => void;
  busy?: boolean;
  error: ErrorReply | null;
  /** The fields. */
  children: ComponentChildren;
  /** What stands below the buttons. */
  note?: ComponentChildren;
}

/** A short form within a line: its fields, Save and Cancel. Escape closes it. */
export function InlineForm({ submit, close, keyDown, busy = false, error, children, note, ...form }: Props) {
  return (
    <Form
      {...form}
      class="nbt-inline-form"
      onSubmit={submit}
      onKeyDownCapture={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          close();
        } else {
          keyDown?.(event);
        }
      }}
    >
      {children}
      <button type="submit" class="nbt-button nbt-primary" aria-disabled={busy}>
        Save
      </button>
      <button type="button" class="nbt-button" onClick={close}>
        Cancel
      </button>
      <Problem error={error} />
      {note && (
        <p class="nbt-muted" aria-live="polite">
          {note}
        </p>
      )}
    </Form>
  );
}

import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { ErrorReply, VersionRow } from '../../contract';
import { formatNumber } from '../../logic/format';
import { Form } from '../form/form';
import { Problem } from '../problem/problem';

/** How long the primary button does nothing. The second click of a double click comes within this time. */
const DEAD_MS = 500;

interface Props {
  class: string;
  'aria-label'?: string;
  /** The text of the primary button. */
  action: string;
  /** What will happen, in a sentence. Null while it is not known. */
  effect: string | null;
  /** Whether the form is complete. */
  ready?: boolean;
  error: Signal<ErrorReply | null>;
  send: () => Promise<void>;
  retry?: () => void;
  cancel?: () => void;
  children: ComponentChildren;
}

/**
 * A form that changes the registry. It says what it will do, and does it once: its primary button is dead for half a
 * second after it appears and after what it says changes, because the user clicked on something else until then.
 */
export function Confirm({ action, effect, ready = true, error, send, retry, cancel, children, ...form }: Props) {
  const busy = useSignal(false);
  const dead = useSignal(true);
  const area = useRef<HTMLSpanElement>(null);
  // The button that opened the form is gone, and the focus with it.
  useEffect(() => area.current?.closest('form')?.querySelector<HTMLElement>('select, input')?.focus(), []);
  useEffect(() => {
    dead.value = true;
    const timer = setTimeout(() => (dead.value = false), DEAD_MS);
    return () => clearTimeout(timer);
  }, [effect]);
  const closed = !ready || effect === null;
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
      <p class="nbt-effect" aria-live="polite">
        {effect}
      </p>
      <span class="nbt-buttons" ref={area}>
        <button type="submit" class="nbt-button nbt-primary" aria-disabled={closed || dead.value || busy.value}>
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

/** The metrics of a version beside those of the versions that it meets. */
export function Beside({ candidate, current }: { candidate: VersionRow; current: VersionRow[] }) {
  const shown = [candidate, ...current.slice(0, 2)];
  const keys = [...new Set(shown.flatMap((version) => Object.keys(version.metrics)))].slice(0, 5);
  return (
    <table class="nbt-table nbt-beside">
      <thead>
        <tr>
          <td />
          {shown.map(({ version, run_name }) => (
            <th key={version} class="nbt-number" scope="col" title={run_name}>
              Version {version}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key}>
            <th scope="row" title={key}>
              {key}
            </th>
            {shown.map(({ version, metrics }) => (
              <td key={version} class="nbt-number">
                {formatNumber(metrics[key])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

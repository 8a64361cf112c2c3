import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ask, type Connection, RequestError } from '../../connection/connection';
import type { ErrorReply, SavedViewsReply } from '../../contract';
import { ofAll } from '../../logic/format';
import type { View } from '../../state/view';
import { Confirm } from '../confirm/confirm';
import { Form } from '../form/form';
import { Problem } from '../problem/problem';

interface Props {
  connection: Connection;
  view: View;
  close: () => void;
}

/** A change that the user is asked about before it is made. */
interface Pending {
  action: 'Replace' | 'Delete';
  name: string;
}

/** The saved views of the store: saves the present view, and opens and deletes saved ones. */
export function SavedViewsPanel({ connection, view, close }: Props) {
  const saved = useSignal<SavedViewsReply | null>(null);
  const name = useSignal('');
  const pending = useSignal<Pending | null>(null);
  const error = useSignal<ErrorReply | null>(null);
  const status = useSignal('');
  const panel = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const load = () => {
    error.value = null;
    return ask(
      connection,
      'saved_views',
      { name: null },
      ({ reply }) => (saved.value = reply),
      (reply) => (error.value = reply),
    );
  };
  useEffect(() => {
    input.current?.focus();
    return load();
  }, []);
  useEffect(() => {
    // The button that was pressed stays where it is, but the question must be answered first. Cancel is the safe answer.
    if (pending.value) {
      panel.current?.querySelector<HTMLElement>('.nbt-views-confirm button[type="button"]')?.focus();
    }
  }, [pending.value]);

  const put = async (replace: boolean) => {
    const wanted = name.peek().trim();
    const { reply } = await connection.request('save_view', { name: wanted, view: view.peek(), replace });
    saved.value = reply;
    status.value = `Saved as ${wanted}.`;
    name.value = '';
  };
  const save = async () => {
    const wanted = name.peek().trim();
    if (wanted === '') {
      return;
    }
    error.value = null;
    status.value = '';
    if (saved.peek()?.names.includes(wanted)) {
      pending.value = { action: 'Replace', name: wanted };
      return;
    }
    try {
      await put(false);
    } catch (cause) {
      const { reply } = RequestError.of(cause);
      // Another user may have saved a view under this name in the meantime.
      if (reply.error_code === 'RESOURCE_CONFLICT') {
        pending.value = { action: 'Replace', name: wanted };
      } else {
        error.value = reply;
      }
    }
  };
  const open = async (wanted: string) => {
    error.value = null;
    try {
      const { reply } = await connection.request('saved_views', { name: wanted, limit: 1 });
      if (reply.view) {
        view.set(reply.view);
        close();
      }
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  const settle = () => {
    pending.value = null;
    error.value = null;
    input.current?.focus();
  };
  const confirmed = async () => {
    const { action, name: wanted } = pending.peek()!;
    if (action === 'Replace') {
      await put(true);
    } else {
      saved.value = (await connection.request('delete_view', { name: wanted })).reply;
      status.value = `Deleted ${wanted}.`;
    }
    settle();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by === 0 || pending.peek()) {
      return;
    }
    const stops = [input.current!, ...panel.current!.querySelectorAll<HTMLElement>('.nbt-views-open')];
    const row = (event.target as HTMLElement).closest('li')?.querySelector<HTMLElement>('.nbt-views-open');
    stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(row ?? input.current!) + by))]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  const asked = pending.value;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys move between the buttons inside
    <div ref={panel} onKeyDown={onKeyDown}>
      <Form
        class="nbt-views-save"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <input
          ref={input}
          class="nbt-input nbt-popover-search"
          type="text"
          aria-label="Name of the view"
          placeholder="Save this view as…"
          autocomplete="off"
          value={name.value}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
        <button type="submit" class="nbt-button" aria-disabled={name.value.trim() === ''}>
          Save
        </button>
      </Form>
      {asked && (
        <Confirm
          key={`${asked.action} ${asked.name}`}
          class="nbt-views-confirm"
          aria-label={`${asked.action} view ${asked.name}`}
          action={asked.action}
          effect={
            asked.action === 'Replace'
              ? `View ${asked.name} already exists. Replace it with this view, for everyone who uses the store?`
              : `Delete view ${asked.name}, for everyone who uses the store?`
          }
          error={error}
          send={confirmed}
          cancel={settle}
        >
          {null}
        </Confirm>
      )}
      <ul class="nbt-views-list" aria-label="Saved views">
        {saved.value?.names.map((each) => (
          <li key={each}>
            <button
              type="button"
              class="nbt-link nbt-views-open"
              aria-label={`Open view ${each}`}
              onClick={() => void open(each)}
            >
              {each}
            </button>
            <button
              type="button"
              class="nbt-link"
              aria-label={`Delete view ${each}`}
              onClick={() => (pending.value = { action: 'Delete', name: each })}
            >
              Delete
            </button>
          </li>
        ))}
      </ul>
      {saved.value?.count === 0 && <p class="nbt-empty">No views are saved yet.</p>}
      {saved.value && saved.value.names.length < saved.value.count && (
        <p class="nbt-muted">{ofAll(saved.value.names.length, saved.value.count, 'view')}</p>
      )}
      <p class="nbt-views-status" role="status">
        {status.value}
      </p>
      <Problem error={asked ? null : error.value} retry={saved.value ? undefined : load} />
    </div>
  );
}

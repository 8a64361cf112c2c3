import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, RequestError } from '../../connection/connection';
import type { ErrorReply, RunRow, VersionRow } from '../../contract';
import { Select } from '../fields/fields';
import { Form } from '../form/form';
import { useUniqueId } from '../form/unique_id';
import { Problem } from '../problem/problem';
import { StageBadge } from '../stage/stage';
import { TransitionForm } from '../transition_form/transition_form';

interface Props {
  connection: Connection;
  run: RunRow;
  close: () => void;
}

/** Registers the model of a run as a version of a registered model, and then moves the version to a stage. */
export function RegisterForm({ connection, run, close }: Props) {
  const id = useUniqueId();
  const name = useSignal('');
  const known = useSignal<string[]>([]);
  const path = useSignal(run.models[0] ?? '');
  const version = useSignal<VersionRow | null>(null);
  const moved = useSignal(false);
  const busy = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    input.current?.focus();
    // The names of the registered models are only suggestions. Without them, the user types the name.
    connection.request('registry', { name: null, versions: 0, events: 0 }).then(
      ({ reply }) => {
        known.value = reply.models.map((model) => model.name);
        if (known.value.length === 1 && name.value === '') {
          name.value = known.value[0]!;
        }
      },
      () => undefined,
    );
    return () => {
      // The field that had the focus is gone by now.
      if (document.activeElement === document.body) {
        opener?.focus();
      }
    };
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.peek()) {
      return;
    }
    busy.value = true;
    error.value = null;
    try {
      const payload = { run_id: run.run_id, artifact_path: path.value, name: name.value.trim() };
      version.value = (await connection.request('register', payload)).reply.version;
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
    busy.value = false;
  };
  return (
    <div
      class="nbt-register-panel"
      role="dialog"
      aria-label={`Register model of ${run.run_name}`}
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <div class="nbt-panel-head">
        <span>
          Register the model of <b class="nbt-run-name">{run.run_name}</b>
        </span>
        <button type="button" class="nbt-button nbt-close" aria-label="Close" onClick={close}>
          ✕
        </button>
      </div>
      {version.value === null ? (
        <Form class="nbt-register-form" onSubmit={submit}>
          {run.models.length > 1 && (
            <Select
              label="Model"
              value={path.value}
              options={run.models.map((model) => [model, model] as const)}
              change={(value) => (path.value = value)}
            />
          )}
          <span class="nbt-field">
            <label for={id}>Name</label>
            <input
              id={id}
              ref={input}
              class="nbt-input nbt-model-name"
              type="text"
              required
              list={`${id}-names`}
              placeholder="name of the registered model"
              autocomplete="off"
              value={name.value}
              onInput={(event) => (name.value = event.currentTarget.value)}
            />
            <datalist id={`${id}-names`}>
              {known.value.map((option) => (
                <option key={option} value={option} />
              ))}
            </datalist>
          </span>
          <button
            type="submit"
            class="nbt-button nbt-primary nbt-register-submit"
            aria-disabled={busy.value}
            disabled={name.value.trim() === ''}
          >
            Register
          </button>
        </Form>
      ) : (
        <div class="nbt-registered">
          <p class="nbt-done" role="status">
            {moved.value ? '✓ ' : '✓ Registered as '}
            <b>{version.value.name}</b> version {version.value.version}
            {moved.value ? (
              <>
                {' is now in '}
                <StageBadge stage={version.value.stage} />
              </>
            ) : (
              '.'
            )}
          </p>
          <TransitionForm
            key={version.value.stage}
            connection={connection}
            version={version.value}
            done={(next) => {
              version.value = next;
              moved.value = true;
            }}
          />
        </div>
      )}
      <Problem error={error.value} />
    </div>
  );
}

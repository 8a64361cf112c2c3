import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { ErrorReply, RunRow, VersionRow } from '../../contract';
import { Confirm } from '../confirm/confirm';
import { Select } from '../fields/fields';
import { useReturnedFocus } from '../form/returned_focus';
import { useUniqueId } from '../form/unique_id';
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
  const registered = useSignal<VersionRow[]>([]);
  const path = useSignal(run.models[0] ?? '');
  const version = useSignal<VersionRow | null>(null);
  const moved = useSignal(false);
  const moving = useSignal(true);
  const error = useSignal<ErrorReply | null>(null);
  const status = useRef<HTMLParagraphElement>(null);
  useReturnedFocus();
  useEffect(() => {
    // The names of the registered models are only suggestions. Without them, the user types the name.
    connection.request('registry', { name: null, versions: 0, events: 0, run_id: run.run_id }).then(
      ({ reply }) => {
        known.value = reply.models.map((model) => model.name);
        registered.value = reply.of_run ?? [];
        if (known.value.length === 1 && name.value === '') {
          name.value = known.value[0]!;
        }
      },
      () => undefined,
    );
  }, []);

  const send = async () => {
    const payload = { run_id: run.run_id, artifact_path: path.value, name: name.value.trim() };
    version.value = (await connection.request('register', payload)).reply.version;
  };
  const source = `runs:/${run.run_id}/${path.value}`;
  const same = registered.value.filter((one) => one.name === name.value.trim() && one.source === source).at(-1);
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
        <Confirm
          class="nbt-register-form"
          action="Register"
          effect={same ? alreadyRegistered(same) : 'Becomes a new version and replaces none.'}
          ready={name.value.trim() !== '' && !same}
          error={error}
          send={send}
        >
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
        </Confirm>
      ) : (
        <div>
          <p class="nbt-done" role="status" ref={status} tabIndex={-1}>
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
          {moving.value ? (
            <TransitionForm
              connection={connection}
              version={version.value}
              done={(next) => {
                version.value = next;
                moved.value = true;
                // Another form in the same place would take a second click for its own.
                moving.value = false;
                status.current?.focus();
              }}
            />
          ) : (
            <button type="button" class="nbt-button nbt-move" onClick={() => (moving.value = true)}>
              Move…
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function alreadyRegistered({ name, version, stage }: VersionRow): string {
  return `This model is already version ${version} of ${name}${stage === 'None' ? '' : `, in ${stage}`}.`;
}

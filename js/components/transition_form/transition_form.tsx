import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, RequestError } from '../../connection/connection';
import type { ErrorReply, Stage, VersionRow } from '../../contract';
import { Check, Select } from '../fields/fields';
import { Form } from '../form/form';
import { useUniqueId } from '../form/unique_id';
import { Problem } from '../problem/problem';
import { STAGES } from '../stage/stage';

interface Props {
  connection: Connection;
  version: VersionRow;
  /** The versions of the model as the screen shows them. If they have changed since, the transition is refused. */
  versions?: VersionRow[];
  /** How many versions there are in each stage. A stage of which not all are loaded cannot be compared. */
  counts?: Record<string, number>;
  done: (version: VersionRow) => void;
  cancel?: () => void;
}

/** Moves a version to a stage. The version that was there is archived, unless the user decides otherwise. */
export function TransitionForm({ connection, version, versions, counts, done, cancel }: Props) {
  const id = useUniqueId();
  const choices = STAGES.filter((stage) => stage !== version.stage);
  const stage = useSignal<Stage>(
    version.stage === 'None' ? 'Staging' : version.stage === 'Staging' ? 'Production' : choices[0]!,
  );
  const archive = useSignal(true);
  const reason = useSignal('');
  const override = useSignal(false);
  const busy = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const input = useRef<HTMLInputElement>(null);
  // The button that opened the form is gone, and the focus with it.
  useEffect(() => input.current?.form?.querySelector('select')?.focus(), []);
  const gated = error.value?.error_code === 'INVALID_STATE';
  const occupied = stage.value === 'Staging' || stage.value === 'Production';
  const current = (target: Stage) => {
    const shown = versions?.filter((other) => other.stage === target).map((other) => other.version);
    return shown && shown.length === (counts?.[target] ?? shown.length) ? shown : null;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.peek()) {
      return;
    }
    busy.value = true;
    try {
      const payload = {
        name: version.name,
        version: version.version,
        stage: stage.value,
        archive_existing_versions: occupied && archive.value,
        reason: reason.value.trim(),
        expected_stage: version.stage,
        expected_current: (occupied && current(stage.value)) || null,
        override_gates: gated && override.value,
      };
      const { reply } = await connection.request('transition', payload);
      error.value = null;
      done(reply.version);
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
    busy.value = false;
  };
  return (
    <Form class="nbt-transition" aria-label={`Move ${version.name} version ${version.version}`} onSubmit={submit}>
      <Select
        label="Move to"
        class="nbt-stage-field"
        value={stage.value}
        options={choices.map((choice) => [choice, choice] as const)}
        change={(value) => {
          stage.value = value;
          error.value = null;
        }}
      />
      {occupied && (
        <Check class="nbt-archive" checked={archive.value} change={(on) => (archive.value = on)}>
          Archive the previous {stage.value}
        </Check>
      )}
      <span class="nbt-field nbt-reason-field">
        <label for={id}>Reason</label>
        <input
          id={id}
          ref={input}
          class="nbt-input nbt-reason"
          type="text"
          required={gated && override.value}
          placeholder={gated && override.value ? 'why the gate is overridden' : 'recorded in the history'}
          autocomplete="off"
          value={reason.value}
          onInput={(event) => (reason.value = event.currentTarget.value)}
        />
      </span>
      {gated && (
        <Check class="nbt-override" checked={override.value} change={(on) => (override.value = on)}>
          Override the gate
        </Check>
      )}
      <span class="nbt-buttons">
        <button type="submit" class="nbt-button nbt-primary nbt-transition-submit" aria-disabled={busy.value}>
          {occupied ? 'Promote' : 'Move'}
        </button>
        {cancel && (
          <button type="button" class="nbt-button nbt-cancel" onClick={cancel}>
            Cancel
          </button>
        )}
      </span>
      <Problem error={error.value} />
    </Form>
  );
}

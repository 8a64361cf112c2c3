import { useSignal } from '@preact/signals';
import { type Connection, RequestError } from '../connection/connection';
import type { ErrorReply, Stage, VersionRow } from '../contract';
import { Check, Select } from './fields';
import { Form } from './form';
import { Problem } from './problem';
import { STAGES } from './stage';

interface Props {
  connection: Connection;
  version: VersionRow;
  done: (version: VersionRow) => void;
  cancel?: () => void;
}

/** Moves a version to a stage; the version that was there goes to Archived unless that is unticked. */
export function TransitionForm({ connection, version, done, cancel }: Props) {
  const choices = STAGES.filter((stage) => stage !== version.stage);
  const stage = useSignal<Stage>(version.stage === 'None' ? 'Staging' : version.stage === 'Staging' ? 'Production' : choices[0]!);
  const archive = useSignal(true);
  const busy = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const occupied = stage.value === 'Staging' || stage.value === 'Production';
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    error.value = null;
    try {
      const payload = {
        name: version.name,
        version: version.version,
        stage: stage.value,
        archive_existing_versions: occupied && archive.value,
      };
      done((await connection.request('transition', payload)).reply.version);
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
        change={(value) => (stage.value = value)}
      />
      {occupied && (
        <Check class="nbt-archive" checked={archive.value} change={(on) => (archive.value = on)}>
          Archive the previous {stage.value}
        </Check>
      )}
      <button type="submit" class="nbt-button nbt-primary nbt-transition-submit" disabled={busy.value}>
        {stage.value === 'Staging' || stage.value === 'Production' ? 'Promote' : 'Move'}
      </button>
      {cancel && (
        <button type="button" class="nbt-button nbt-cancel" onClick={cancel}>
          Cancel
        </button>
      )}
      <Problem error={error.value} />
    </Form>
  );
}

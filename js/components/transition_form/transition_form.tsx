import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Connection, RequestError } from '../../connection/connection';
import { type ErrorReply, MOST_VERSIONS, type Stage, type VersionRow, type VersionsReply } from '../../contract';
import { plural } from '../../logic/format';
import { Beside, Confirm } from '../confirm/confirm';
import { Check, Select } from '../fields/fields';
import { STAGES } from '../stage/stage';

interface Props {
  connection: Connection;
  version: VersionRow;
  done: (version: VersionRow) => void;
  cancel?: () => void;
}

const isActive = (stage: Stage) => stage === 'Staging' || stage === 'Production';

/**
 * Moves a version to a stage. The versions that are there are archived, unless the user decides otherwise. They are
 * read when the form opens, and the transition is refused if others are there by the time that it is sent.
 */
export function TransitionForm({ connection, version, done, cancel }: Props) {
  const choices = STAGES.filter((stage) => stage !== version.stage);
  const stage = useSignal<Stage>(
    version.stage === 'None' ? 'Staging' : version.stage === 'Staging' ? 'Production' : choices[0]!,
  );
  const archive = useSignal(true);
  const reason = useSignal('');
  const override = useSignal(false);
  const error = useSignal<ErrorReply | null>(null);
  const there = useSignal<VersionsReply | null>(null);
  const occupied = isActive(stage.value);
  const { name } = version;
  const load = async () => {
    const target = stage.peek();
    try {
      const { reply } = isActive(target)
        ? await connection.request('versions', { name, stage: target, limit: MOST_VERSIONS })
        : { reply: { versions: [], count: 0 } };
      if (stage.peek() === target) {
        there.value = reply;
      }
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };
  useEffect(() => {
    there.value = null;
    void load();
  }, [stage.value]);
  const current = there.value;
  const gated = error.value?.error_code === 'INVALID_STATE';
  const send = async () => {
    try {
      const { reply } = await connection.request('transition', {
        name,
        version: version.version,
        stage: stage.value,
        archive_existing_versions: occupied && archive.value,
        reason: reason.value.trim(),
        expected_stage: version.stage,
        // Of more versions than one request returns, the form says only how many there are.
        expected_current:
          occupied && current?.versions.length === current?.count ? current!.versions.map((one) => one.version) : null,
        override_gates: gated && override.value,
      });
      done(reply.version);
    } catch (cause) {
      void load();
      throw cause;
    }
  };
  return (
    <Confirm
      class="nbt-transition"
      aria-label={`Move ${name} version ${version.version}`}
      action={occupied ? 'Promote' : 'Move'}
      effect={current && effectOf(current, version.stage, stage.value, archive.value)}
      reason={reason}
      reasonNeeded={gated && override.value && 'why the gate is overridden'}
      error={error}
      send={send}
      retry={
        current
          ? undefined
          : () => {
              error.value = null;
              void load();
            }
      }
      cancel={cancel}
    >
      <Select
        label="Move to"
        value={stage.value}
        options={choices.map((choice) => [choice, choice] as const)}
        change={(value) => {
          stage.value = value;
          error.value = null;
        }}
      />
      {occupied && (
        <Check checked={archive.value} change={(on) => (archive.value = on)}>
          Archive the previous {stage.value}
        </Check>
      )}
      {current && current.count > 0 && <Beside candidate={version} current={current.versions} />}
      {gated && (
        <Check checked={override.value} change={(on) => (override.value = on)}>
          Override the gate
        </Check>
      )}
    </Confirm>
  );
}

/** What a transition does, in a sentence. */
function effectOf({ versions, count }: VersionsReply, from: Stage, to: Stage, archive: boolean): string {
  if (count === 0) {
    return isActive(from) ? `Leaves ${from} and replaces no version.` : 'Replaces no version.';
  }
  const which = count > 3 ? plural(count, 'version') : `version ${versions.map((one) => one.version).join(' and ')}`;
  return archive ? `Replaces ${which}, which ${count > 1 ? 'move' : 'moves'} to Archived.` : `Keeps ${which} in ${to}.`;
}

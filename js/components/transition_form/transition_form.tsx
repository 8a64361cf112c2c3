import { useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import type { PreviewTransitionReply, Stage, VersionRow } from '../../contract';
import { plural } from '../../logic/format';
import { Check, Select } from '../fields/fields';
import { StageChange, useStageChange } from './stage_change';

interface Props {
  connection: Connection;
  version: VersionRow;
  done: (version: VersionRow) => void;
  cancel?: () => void;
}

const CHOICES: readonly Stage[] = ['Production', 'Staging', 'Archived', 'None'];
/** The stage that is offered first, by the stage of the version. */
const FIRST: Record<Stage, Stage> = {
  None: 'Staging',
  Staging: 'Production',
  Production: 'Archived',
  Archived: 'Staging',
};

const isActive = (stage: Stage) => stage === 'Staging' || stage === 'Production';

/**
 * Moves a version to a stage. The versions that are there are archived, unless the user decides otherwise. They are
 * read when the form opens, and the transition is refused if others are there by the time that it is sent.
 */
export function TransitionForm({ connection, version, done, cancel }: Props) {
  const { name } = version;
  const stage = useSignal(FIRST[version.stage]);
  const archive = useSignal(true);
  const change = useStageChange(connection, name, version.version, stage.value);
  const found = change.preview.value;
  const occupied = isActive(stage.value);
  return (
    <StageChange
      change={change}
      aria-label={`Move ${name} version ${version.version}`}
      action={occupied ? 'Promote' : 'Move'}
      effect={found && effectOf(found, version.stage, stage.value, archive.value)}
      cancel={cancel}
      send={async ({ current }) => {
        const { reply } = await connection.request('transition', {
          name,
          version: version.version,
          stage: stage.value,
          archive_existing_versions: occupied && archive.value,
          reason: change.reason.value.trim(),
          expected_stage: version.stage,
          expected_current: occupied ? current : null,
          override_gates: change.override.value,
        });
        done(reply.version);
      }}
    >
      <Select
        label="Move to"
        value={stage.value}
        options={CHOICES.filter((choice) => choice !== version.stage).map((choice) => [choice, choice] as const)}
        change={(value) => (stage.value = value)}
      />
      {occupied && (
        <Check checked={archive.value} change={(on) => (archive.value = on)}>
          Archive the previous {stage.value}
        </Check>
      )}
    </StageChange>
  );
}

/** What a transition does, in a sentence. */
function effectOf({ current, count }: PreviewTransitionReply, from: Stage, to: Stage, archive: boolean): string {
  if (count === 0 || !isActive(to)) {
    return isActive(from) ? `Leaves ${from} and replaces no version.` : 'Replaces no version.';
  }
  const which = count > 3 ? plural(count, 'version') : `version ${current!.join(' and ')}`;
  return archive ? `Replaces ${which}, which ${count > 1 ? 'move' : 'moves'} to Archived.` : `Keeps ${which} in ${to}.`;
}

interface RollbackProps extends Omit<Props, 'version'> {
  name: string;
  stage: Stage;
}

/** Undoes the last promotion to a stage. It is refused if another version would be restored by the time it is sent. */
export function RollbackForm({ connection, name, stage, done, cancel }: RollbackProps) {
  const change = useStageChange(connection, name, null, stage);
  const found = change.preview.value;
  const leaving = found?.leaving == null ? '' : ` and moves version ${found.leaving} to Archived`;
  return (
    <StageChange
      change={change}
      aria-label={`Roll back ${stage} of ${name}`}
      action="Roll back"
      effect={found && `Restores version ${found.candidate.version}${leaving}.`}
      cancel={cancel}
      send={async ({ current, candidate }) => {
        const { reply } = await connection.request('rollback', {
          name,
          stage,
          reason: change.reason.value.trim(),
          expected_current: current,
          expected_restored: candidate.version,
          override_gates: change.override.value,
        });
        done(reply.version);
      }}
    />
  );
}

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Connection } from '../../connection/connection';
import type { ErrorReply, Stage, VersionRow } from '../../contract';
import { Confirm } from '../confirm/confirm';
import { RollbackForm, TransitionForm } from '../transition_form/transition_form';

/** What the user is about to do with a model. */
export type Action = { kind: 'move' | 'delete'; version: VersionRow } | { kind: 'rollback'; stage: Stage };

interface Props {
  connection: Connection;
  name: string;
  action: Action;
  /** Called with what has been done, in a sentence, and with the version that it was done to. */
  done: (notice: string, version: VersionRow) => void;
  cancel: () => void;
}

/** The form of an action, above the stages. */
export function ActionPanel({ connection, name, action, done, cancel }: Props) {
  const moved = (version: VersionRow) =>
    done(`${name} version ${version.version} is now in ${version.stage}.`, version);
  if (action.kind === 'rollback') {
    const { stage } = action;
    return (
      <Panel title={`Roll back ${stage}`}>
        <RollbackForm connection={connection} name={name} stage={stage} done={moved} cancel={cancel} />
      </Panel>
    );
  }
  const { version } = action;
  return action.kind === 'move' ? (
    <Panel title={`Move version ${version.version}`}>
      <TransitionForm connection={connection} version={version} done={moved} cancel={cancel} />
    </Panel>
  ) : (
    <Panel title={`Delete version ${version.version}`}>
      <DeleteForm
        connection={connection}
        version={version}
        done={() => done(`${name} version ${version.version} was deleted.`, version)}
        cancel={cancel}
      />
    </Panel>
  );
}

function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="nbt-register-panel" aria-label={title}>
      <b>{title}</b>
      {children}
    </section>
  );
}

interface DeleteProps {
  connection: Connection;
  version: VersionRow;
  done: () => void;
  cancel: () => void;
}

function DeleteForm({ connection, version: { name, version, stage, aliases }, done, cancel }: DeleteProps) {
  const reason = useSignal('');
  const error = useSignal<ErrorReply | null>(null);
  const isUsed = stage === 'Production';
  const named = aliases.length > 0 ? ` ${aliases.map((alias) => `@${alias}`).join(', ')} will name no version.` : '';
  return (
    <Confirm
      class="nbt-transition"
      aria-label={`Delete ${name} version ${version}`}
      action="Delete"
      danger
      ready={!isUsed}
      effect={
        isUsed
          ? `Version ${version} is in Production. Move it to another stage before you delete it.`
          : `Deletes version ${version} from ${stage === 'None' ? 'the registry' : stage}.${named} Its run and its files are kept.`
      }
      reason={reason}
      error={error}
      send={async () => {
        const payload = { name, version, reason: reason.value.trim(), expected_stage: stage };
        await connection.request('delete_version', payload);
        done();
      }}
      cancel={cancel}
    />
  );
}

import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, RequestError } from '../../connection/connection';
import type { ErrorReply, GateCheckRow, PreviewTransitionReply, Stage } from '../../contract';
import { plural } from '../../logic/format';
import { Confirm } from '../confirm/confirm';
import { Check } from '../fields/fields';
import { Beside } from './beside';

/** A change of a stage that has not been sent yet. */
export interface StageChangeState {
  /** What the change would do. Null until it is known. */
  preview: Signal<PreviewTransitionReply | null>;
  error: Signal<ErrorReply | null>;
  reason: Signal<string>;
  override: Signal<boolean>;
  /** Read again what the change would do. */
  load: () => Promise<void>;
}

/** Read what moving a version to a stage would do, or rolling the stage back if `version` is null. */
export function useStageChange(
  connection: Connection,
  name: string,
  version: number | null,
  stage: Stage,
): StageChangeState {
  const preview = useSignal<PreviewTransitionReply | null>(null);
  const error = useSignal<ErrorReply | null>(null);
  const reason = useSignal('');
  const override = useSignal(false);
  const wanted = useRef(stage);
  wanted.current = stage;
  const load = async () => {
    try {
      const { reply } = await connection.request('preview_transition', { name, version, stage });
      if (wanted.current === stage) {
        preview.value = reply;
      }
    } catch (cause) {
      if (wanted.current === stage) {
        error.value = RequestError.of(cause).reply;
      }
    }
  };
  useEffect(() => {
    preview.value = null;
    error.value = null;
    override.value = false;
    void load();
  }, [stage]);
  return { preview, error, reason, override, load };
}

interface Props {
  change: StageChangeState;
  'aria-label': string;
  action: string;
  /** What will happen, in a sentence, if no gate stands in the way. Null while it is not known. */
  effect: string | null;
  send: (preview: PreviewTransitionReply) => Promise<void>;
  cancel?: (() => void) | undefined;
  children?: ComponentChildren;
}

/** The form of a change of a stage: the candidate beside what it meets, the gates, and the reason. */
export function StageChange({ change, effect, send, children, ...form }: Props) {
  const { preview, error, reason, override, load } = change;
  const found = preview.value;
  const failing = found?.gates.filter(({ passed }) => !passed) ?? [];
  const closed = failing.length > 0 && !override.value;
  return (
    <Confirm
      {...form}
      class="nbt-transition"
      effect={found && (closed ? `Version ${found.candidate.version} does not pass ${which(failing)}.` : effect)}
      ready={!closed}
      reason={reason}
      reasonNeeded={failing.length > 0 && override.value && 'why the gate is overridden'}
      error={error}
      send={async () => {
        try {
          await send(found!);
        } catch (cause) {
          // The form goes on with what is there now.
          void load();
          throw cause;
        }
      }}
      retry={
        found
          ? undefined
          : () => {
              error.value = null;
              void load();
            }
      }
    >
      {children}
      {found && <Beside preview={found} />}
      {found && <Gates gates={found.gates} />}
      {failing.length > 0 && (
        <Check checked={override.value} change={(on) => (override.value = on)}>
          Override {failing.length > 1 ? 'the gates' : 'the gate'}
        </Check>
      )}
    </Confirm>
  );
}

function which(failing: GateCheckRow[]): string {
  return failing.length > 1 ? plural(failing.length, 'gate') : `the gate “${failing[0]!.gate}”`;
}

/** The gates in front of a stage, each with whether it is passed and with the values of the version's run. */
function Gates({ gates }: { gates: GateCheckRow[] }) {
  return (
    gates.length > 0 && (
      <ul class="nbt-gates" aria-label="Gates">
        {gates.map(({ gate, filter, passed, values }) => (
          <li key={gate}>
            <b class={passed ? 'nbt-better' : 'nbt-worse'}>{passed ? '✓ passed' : '✗ not passed'}</b>{' '}
            <code title={`Gate ${gate}`}>{filter}</code> <span class="nbt-muted">{values}</span>
          </li>
        ))}
      </ul>
    )
  );
}

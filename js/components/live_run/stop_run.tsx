import { type Signal, useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import type { ErrorReply, RunRow, StopRequest } from '../../contract';
import { Confirm } from '../confirm/confirm';

/** How long the kernel may take to answer until the user is told what else there is, in milliseconds. */
const PATIENCE_MS = 1_000;

/** The button that opens the form, and that has the focus again once it is closed. */
export function StopButton({ isOpen }: { isOpen: Signal<boolean> }) {
  return (
    <button
      type="button"
      class="nbt-button nbt-stop"
      aria-expanded={isOpen.value}
      onClick={() => (isOpen.value = !isOpen.value)}
    >
      <span aria-hidden="true">■</span> Stop
    </button>
  );
}

/** By whom a run was stopped, or is asked to stop. */
export function Stopped({ stop: { by, reason }, isActive }: { stop: StopRequest; isActive: boolean }) {
  const why = `${by ? ` by ${by}` : ''}${reason ? `: ${reason}` : ''}`;
  return (
    <p class="nbt-stopped" role="status">
      {isActive ? `Asked to stop${why}. The run ends at its next log call.` : `Stopped${why}`}
    </p>
  );
}

interface Props {
  connection: Connection;
  run: RunRow;
  /** Called with the request once the kernel has it. */
  asked: (stop: StopRequest) => void;
  close: () => void;
}

/** The form that ends a run. It says what else the user can do if a busy kernel does not answer. */
export function StopForm({ connection, run, asked, close }: Props) {
  const reason = useSignal('');
  const error = useSignal<ErrorReply | null>(null);
  const isLate = useSignal(false);
  const send = async () => {
    const timer = setTimeout(() => (isLate.value = true), PATIENCE_MS);
    try {
      const { reply } = await connection.request('stop_run', { run_id: run.run_id, reason: reason.value.trim() });
      asked(reply.stop);
      close();
    } finally {
      clearTimeout(timer);
      isLate.value = false;
    }
  };
  return (
    <Confirm
      class="nbt-transition"
      aria-label={`Stop ${run.run_name}`}
      action="Stop the run"
      danger
      reason={reason}
      effect="The run ends at its next log call, with the status KILLED. All that it has logged stays."
      error={error}
      send={send}
      cancel={close}
    >
      {isLate.value && (
        <p class="nbt-effect" role="status">
          The kernel is busy and has not answered yet. In a terminal, <code>nbtrack stop {run.run_id}</code> stops the
          run at once.
        </p>
      )}
    </Confirm>
  );
}

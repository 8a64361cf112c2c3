import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ErrorReply } from '../contract';
import { useUniqueId } from './unique_id';

const PAUSE_MS = 500;

interface Props {
  /** The filter that the table shows. */
  applied: string;
  error: ErrorReply | null;
  disabled: boolean;
  apply: (filter: string) => void;
}

/** The filter string: applied by Enter or after a pause in typing; what is wrong with it stands under it. */
export function QueryBox({ applied, error, disabled, apply }: Props) {
  const text = useSignal(applied);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const asked = useRef(applied);
  const id = useUniqueId();
  useEffect(() => {
    if (applied !== asked.current) {
      text.value = applied;
      asked.current = applied;
    }
  }, [applied]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const send = () => {
    clearTimeout(timer.current);
    asked.current = text.value;
    apply(text.value);
  };
  const edit = (value: string) => {
    text.value = value;
    clearTimeout(timer.current);
    timer.current = setTimeout(send, PAUSE_MS);
  };
  return (
    <div class="nbt-query">
      <form
        class="nbt-query-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <label class="nbt-query-label" for={id}>
          Filter
        </label>
        <input
          id={id}
          class="nbt-query-input"
          type="text"
          aria-label="Filter runs"
          aria-invalid={error !== null}
          aria-describedby={`${id}-error`}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          disabled={disabled}
          placeholder="metrics.loss < 0.1 and params.optimizer = 'adam'"
          value={text.value}
          onInput={(event) => edit(event.currentTarget.value)}
        />
        {text.value !== '' && !disabled && (
          <button
            type="button"
            class="nbt-button nbt-query-clear"
            aria-label="Clear the filter"
            onClick={() => {
              text.value = '';
              send();
            }}
          >
            ✕
          </button>
        )}
      </form>
      <div id={`${id}-error`} class="nbt-query-error" role="alert">
        {error && <QueryProblem error={error} text={asked.current} />}
      </div>
    </div>
  );
}

/** The query with the place marked where it goes wrong, what is wrong, and what may stand there. */
function QueryProblem({ error, text }: { error: ErrorReply; text: string }) {
  const at = error.position;
  if (at === null) {
    return <div class="nbt-query-reason">{error.message}</div>;
  }
  const word = text.slice(at).match(/^[\w.]+|^./)?.[0] ?? '';
  return (
    <>
      <div class="nbt-query-place" aria-hidden="true">
        {text.slice(Math.max(0, at - 60), at)}
        <mark class="nbt-query-mark">{word || ' '}</mark>
        {text.slice(at + word.length, at + word.length + 60)}
      </div>
      <div class="nbt-query-reason">
        {error.reason ?? error.message} <span class="nbt-muted">(at character {at + 1})</span>
      </div>
      {error.expected.length > 0 && (
        <div class="nbt-query-expected">
          <span class="nbt-muted">Expected here:</span> {error.expected.join(', ')}
        </div>
      )}
    </>
  );
}

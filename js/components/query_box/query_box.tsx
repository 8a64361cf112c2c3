import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Completion, ErrorReply } from '../../contract';
import { insert, toCharacters, toUnits } from '../../logic/completion';
import { keepFilter, readFilters } from '../../logic/filter_history';
import { CompletionList, optionId } from '../completion_list/completion_list';
import { Form } from '../form/form';
import { useUniqueId } from '../form/unique_id';
import { type Complete, useCompletions } from './use_completions';

const PAUSE_MS = 500;
/** A filter that is applied by a pause may not be complete yet, so what is wrong with it is explained later. */
const EXPLAIN_MS = 1_500;

interface Props {
  /** The filter that the table shows. */
  applied: string;
  error: ErrorReply | null;
  disabled: boolean;
  apply: (filter: string) => void;
  /** Returns the completions at a cursor. Without it, nothing is completed. */
  complete?: Complete;
}

/**
 * The filter, which is applied by Enter or after a pause in typing. An error is shown below it. Completions are listed
 * on top of the error, so that nothing moves when the list closes.
 */
export function QueryBox({ applied, error, disabled, apply, complete }: Props) {
  const text = useSignal(applied);
  const input = useRef<HTMLInputElement>(null);
  const completions = useCompletions(complete);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const explainer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** Whether an error is explained: after Enter at once, and otherwise only when the user has stopped typing. */
  const explains = useSignal(true);
  const asked = useRef(applied);
  /** A filter that is kept in the history once the table shows it. */
  const entered = useRef<string | null>(null);
  const id = useUniqueId();
  useEffect(() => {
    if (applied !== asked.current) {
      text.value = applied;
      asked.current = applied;
    }
  }, [applied]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      clearTimeout(explainer.current);
    },
    [],
  );

  // While a filter is typed, its beginnings are applied too. The history has those that the user has finished.
  const keep = (filter: string) => {
    entered.current = filter;
    if (filter === applied && error === null) {
      keepFilter(filter);
    }
  };
  useEffect(() => {
    if (entered.current !== null && entered.current === applied && error === null) {
      keepFilter(applied);
    }
  }, [applied, error]);

  const open = completions.items.value.length > 0;
  const active = completions.active.value;
  const listId = `${id}-list`;

  const send = (explain = true) => {
    clearTimeout(timer.current);
    clearTimeout(explainer.current);
    explains.value = explain;
    if (!explain) {
      explainer.current = setTimeout(() => (explains.value = true), EXPLAIN_MS);
    }
    asked.current = text.value;
    apply(text.value);
  };
  const edit = (value: string) => {
    text.value = value;
    explains.value = false;
    clearTimeout(timer.current);
    clearTimeout(explainer.current);
    timer.current = setTimeout(() => send(false), PAUSE_MS);
    ask();
  };
  const ask = (forced = false) => {
    const field = input.current;
    if (field) {
      completions.ask(field.value, toCharacters(field.value, field.selectionEnd ?? field.value.length), forced);
    }
  };
  const pick = (completion: Completion | undefined) => {
    const field = input.current;
    if (!field || !completion) {
      return;
    }
    const inserted = insert(field.value, completion);
    field.value = inserted.text;
    field.setSelectionRange(inserted.cursor, inserted.cursor);
    if (inserted.cursor === inserted.text.length) {
      // Chromium scrolls to the cursor while the user types, but not when the cursor is set.
      field.scrollLeft = field.scrollWidth;
    }
    completions.close();
    edit(inserted.text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (open) {
        completions.move(key === 'ArrowDown' ? 1 : -1);
      } else if (key === 'ArrowDown') {
        ask(true);
      } else if (text.peek() === '') {
        completions.offer(
          readFilters().map((filter) => ({ text: filter, kind: 'value', start: 0, end: 0, detail: 'applied before' })),
        );
      }
    } else if (key === ' ' && event.ctrlKey) {
      ask(true);
    } else if (open && key === 'Escape') {
      completions.close();
    } else if (open && key === 'Enter' && active >= 0) {
      pick(completions.items.peek()[active]);
    } else if (open && key === 'Tab' && !event.shiftKey) {
      pick(completions.items.peek()[Math.max(active, 0)]);
    } else {
      if (open && ['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key)) {
        completions.close();
      }
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="nbt-query">
      <Form
        class="nbt-query-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          completions.close();
          send();
          keep(text.peek());
        }}
      >
        <label class="nbt-query-label" for={id}>
          Filter
        </label>
        <div class="nbt-query-field">
          <input
            id={id}
            ref={input}
            class="nbt-query-input"
            type="text"
            role="combobox"
            aria-label="Filter runs"
            aria-autocomplete="list"
            aria-expanded={open}
            aria-controls={listId}
            aria-activedescendant={open && active >= 0 ? optionId(listId, active) : undefined}
            aria-invalid={error !== null && text.value === asked.current}
            aria-describedby={`${id}-error`}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            disabled={disabled}
            placeholder="metrics.loss < 0.1 and params.optimizer = 'adam'"
            value={text.value}
            onInput={(event) => edit(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onBlur={() => {
              completions.close();
              explains.value = true;
              keep(text.peek());
            }}
          />
          <CompletionList
            id={listId}
            items={completions.items.value}
            count={completions.count.value}
            active={active}
            pick={pick}
          />
        </div>
        {text.value !== '' && !disabled && (
          <button
            type="button"
            class="nbt-button nbt-query-clear"
            aria-label="Clear the filter"
            onClick={() => {
              text.value = '';
              completions.close();
              send();
            }}
          >
            ✕
          </button>
        )}
      </Form>
      <div id={`${id}-error`} class="nbt-query-error" role="alert">
        {error && explains.value && !open && <QueryProblem error={error} text={asked.current} />}
      </div>
    </div>
  );
}

/** A wrong filter: the position of the error, the reason, and what is expected there. */
function QueryProblem({ error, text }: { error: ErrorReply; text: string }) {
  if (error.position === null) {
    return <div class="nbt-query-reason">{error.message}</div>;
  }
  const at = toUnits(text, error.position);
  const word = text.slice(at).match(/^[\w.]+|^./)?.[0] ?? '';
  return (
    <>
      <div class="nbt-query-place" aria-hidden="true">
        {text.slice(Math.max(0, at - 60), at)}
        <mark class="nbt-query-mark">{word || ' '}</mark>
        {text.slice(at + word.length, at + word.length + 60)}
      </div>
      <div class="nbt-query-reason">
        {error.reason ?? error.message} <span class="nbt-muted">(at character {error.position + 1})</span>
      </div>
      {error.expected.length > 0 && (
        <div class="nbt-query-expected">
          <span class="nbt-muted">Expected here:</span> {error.expected.join(', ')}
        </div>
      )}
    </>
  );
}

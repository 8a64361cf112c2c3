import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Completion, ErrorReply } from '../../contract';
import { insert, toCharacters, toUnits } from '../../logic/completion';
import { grouped } from '../../logic/format';
import type { FilterHistory } from '../../state/filter_history';
import { CompletionList, optionId } from '../completion_list/completion_list';
import { Form } from '../form/form';
import { useUniqueId } from '../form/unique_id';
import { type Complete, useCompletions } from './use_completions';
import { type Count, useMatches } from './use_matches';

/** After this pause a filter is applied. Its matches are counted sooner. */
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
  /** Returns how many runs match a filter. Without it, nothing is counted. */
  count?: Count;
  /** The filters that were applied before. */
  history?: FilterHistory;
}

/**
 * The filter, which is applied by Enter or after a pause in typing. While it is typed, the field says how many runs match,
 * and underlines what is wrong. An error is explained below it. Completions are listed on top of the error, so that nothing
 * moves when the list closes.
 */
export function QueryBox({ applied, error, disabled, apply, complete, count, history }: Props) {
  const text = useSignal(applied);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const completions = useCompletions(complete);
  const matches = useMatches(count);
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
      matches.stop();
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
      void history?.keep(filter);
    }
  };
  useEffect(() => {
    if (entered.current !== null && entered.current === applied && error === null) {
      void history?.keep(applied);
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
    matches.ask(value);
    ask();
  };
  const ask = (forced = false) => {
    const field = input.current;
    if (field) {
      completions.ask(field.value, toCharacters(field.value, field.selectionEnd ?? field.value.length), forced);
    }
  };
  const offerHistory = async () => {
    const filters = (await history?.read()) ?? [];
    if (text.peek() === '') {
      completions.offer(
        filters.map((filter) => ({ text: filter, kind: 'value', start: 0, end: 0, detail: 'applied before' })),
      );
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
  const last = matches.last.value;
  const found = last?.filter === text.value ? last : null;
  const problem = text.value === asked.current ? error : (found?.error ?? null);
  const wrong = problem && placeOf(text.value, problem);
  // The word at the end may not be complete yet.
  const isMarked = wrong && (explains.value || wrong.end < text.value.trimEnd().length);
  const follow = () => {
    if (mirror.current && input.current) {
      mirror.current.scrollLeft = input.current.scrollLeft;
    }
  };
  useLayoutEffect(follow);
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (open) {
        completions.move(key === 'ArrowDown' ? 1 : -1);
      } else if (key === 'ArrowDown') {
        ask(true);
      } else if (text.peek() === '') {
        void offerHistory();
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
            onKeyUp={follow}
            onScroll={follow}
            onBlur={() => {
              completions.close();
              explains.value = true;
              keep(text.peek());
            }}
          />
          {isMarked && (
            <div ref={mirror} class="nbt-query-mirror" aria-hidden="true">
              {text.value.slice(0, wrong.at)}
              <mark class="nbt-query-mark">{text.value.slice(wrong.at, wrong.end)}</mark>
              {text.value.slice(wrong.end)}
            </div>
          )}
          {last && last.total !== null && !disabled && (
            <span class={`nbt-query-matches ${found ? '' : 'nbt-query-counting'}`}>
              {grouped(last.total)} {last.total === 1 ? 'run' : 'runs'}
            </span>
          )}
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
              matches.stop();
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

/** Return where the wrong word of a filter begins and ends. Null if the error is not about a place in it. */
function placeOf(text: string, error: ErrorReply): { at: number; end: number } | null {
  if (error.position === null) {
    return null;
  }
  const at = toUnits(text, error.position);
  return { at, end: at + (text.slice(at).match(/^[\w.]+|^./)?.[0] ?? '').length };
}

/** A wrong filter: the position of the error, the reason, and what is expected there. */
function QueryProblem({ error, text }: { error: ErrorReply; text: string }) {
  if (error.position === null) {
    return <div class="nbt-query-reason">{error.message}</div>;
  }
  const { at, end } = placeOf(text, error)!;
  return (
    <>
      <div class="nbt-query-place" aria-hidden="true">
        {text.slice(Math.max(0, at - 60), at)}
        <mark class="nbt-query-mark">{text.slice(at, end) || ' '}</mark>
        {text.slice(end, end + 60)}
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

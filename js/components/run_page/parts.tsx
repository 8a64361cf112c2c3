import { useSignal } from '@preact/signals';
import type { ComponentChild, ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { type Answer, ask, type Connection, type Payload, type RequestName } from '../../connection/connection';
import type { ErrorReply, RunLink } from '../../contract';
import { type List, type RunPageState, SIZES } from '../../state/run_page';
import { Pager } from '../live_run/pager';
import { Problem } from '../problem/problem';
import type { Editing } from '../run_edit/run_edit';

/** A part of the page that scrolls. It takes the focus, so that the keyboard can scroll it too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, nobody could scroll here with the keyboard
    <section class="nbt-scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

interface GridProps {
  label: string;
  head: readonly string[];
  rows: readonly (readonly ComponentChild[])[];
}

/** A plain table. The first cell of a row is its heading. */
export function Grid({ label, head, rows }: GridProps) {
  return rows.length === 0 ? (
    <p class="nbt-empty">None.</p>
  ) : (
    <Scroll label={label}>
      <table class="nbt-table nbt-grid">
        <thead>
          <tr>
            {head.map((title, i) => (
              <th key={i} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...others], i) => (
            <tr key={i}>
              <th scope="row">{first}</th>
              {others.map((cell, j) => (
                <td key={j} title={typeof cell === 'string' ? cell : undefined}>
                  {cell ?? <span class="nbt-muted">–</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Values with their names. Those that are empty are left out, and so is a list of none. */
export function Pairs({ title, pairs }: { title: string; pairs: readonly (readonly [string, ComponentChild])[] }) {
  const known = pairs.filter(([, value]) => value);
  return known.length > 0 ? (
    <section aria-label={title}>
      <h4 class="nbt-run-title">{title}</h4>
      <dl class="nbt-run-pairs">
        {known.map(([name, value]) => (
          <div key={name}>
            <dt title={name}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  ) : null;
}

/** How the run of the page is changed, or null if it cannot be. */
export function editingOf(state: RunPageState): Editing | null {
  const { connection, reply } = state;
  const shown = reply.value;
  return shown && connection.live
    ? {
        connection,
        run_id: shown.run.run_id,
        changed: ({ name, note, tags }) => {
          // Meanwhile, the run may have ended, or the page may show another one.
          const now = reply.peek();
          if (now?.run.run_id === shown.run.run_id) {
            reply.value = { ...now, run: { ...now.run, run_name: name, note }, tags };
          }
        },
        refresh: () => void state.request(),
      }
    : null;
}

/** The name of another run, which opens its page in the place of this one. */
export function RunButton({ run, state }: { run: RunLink; state: RunPageState }) {
  const open = () => state.show([...state.trail.peek(), run.run_id]);
  return (
    <button type="button" class="nbt-link nbt-run-name" disabled={!state.connection.live} onClick={open}>
      {run.run_name}
    </button>
  );
}

/** The buttons for the other parts of a list. */
export function ListPager({ state, list, count }: { state: RunPageState; list: List; count: number }) {
  return (
    <Pager
      offset={state.offsets.value[list] ?? 0}
      turn={(to) => state.turn(list, to)}
      size={SIZES[list]}
      count={count}
      noun={list}
      live={state.connection.live}
    />
  );
}

/**
 * Send a request again whenever it or `version` changes. Returns the last reply, or null, and what is shown if there is none
 * yet, or if the request has failed.
 */
export function useReply<N extends RequestName>(connection: Connection, name: N, payload: Payload<N>, version = 0) {
  const answer = useSignal<Answer<N> | null>(null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  useEffect(
    () =>
      ask(
        connection,
        name,
        payload,
        (got) => {
          answer.value = got;
          error.value = null;
        },
        (failure) => (error.value = failure),
      ),
    [JSON.stringify(payload), version, again.value],
  );
  const state = (
    <>
      {!answer.value && !error.value && <p class="nbt-muted">Loading…</p>}
      <Problem error={error.value} {...(connection.live && { retry: () => (again.value += 1) })} />
    </>
  );
  return [answer.value?.reply ?? null, state] as const;
}

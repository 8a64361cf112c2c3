import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import type { ErrorReply } from '../../contract';

const PAUSE_MS = 180;

export type Count = (filter: string, signal: AbortSignal) => Promise<number>;

/** Return a function that asks the kernel how many runs match a filter. */
export function counter(connection: Connection): Count {
  return async (filter, signal) => {
    const { reply } = await connection.request('matches', { filter, experiment_ids: null }, signal);
    return reply.total;
  };
}

/** How many runs match a filter, or what is wrong with it. */
export interface Matches {
  filter: string;
  total: number | null;
  error: ErrorReply | null;
}

/**
 * Count the matches of a filter while it is typed. The last answer stays until the next one, so that nothing flickers, and
 * the answer to an older request is ignored.
 */
export function useMatches(count: Count | undefined): {
  last: Signal<Matches | null>;
  ask: (filter: string) => void;
  stop: () => void;
} {
  const last = useSignal<Matches | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const controller = useRef<AbortController | undefined>(undefined);
  const halt = () => {
    clearTimeout(timer.current);
    controller.current?.abort();
  };
  const ask = (filter: string) => {
    halt();
    if (!count) {
      return;
    }
    const asked = new AbortController();
    controller.current = asked;
    const put = (total: number | null, error: ErrorReply | null) => {
      if (!asked.signal.aborted) {
        last.value = { filter, total, error };
      }
    };
    timer.current = setTimeout(() => {
      count(filter, asked.signal).then(
        (total) => put(total, null),
        (cause) => {
          if (!isAbort(cause)) {
            put(null, RequestError.of(cause).reply);
          }
        },
      );
    }, PAUSE_MS);
  };
  useEffect(() => halt, []);
  return {
    last,
    ask,
    stop: () => {
      halt();
      last.value = null;
    },
  };
}

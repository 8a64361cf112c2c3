import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { CompleteReply, Completion } from '../../contract';
import { isHelpful } from '../../logic/completion';

const PAUSE_MS = 120;

export type Complete = (text: string, position: number, signal: AbortSignal) => Promise<CompleteReply>;

/** Return a function that requests completions from the kernel. */
export function completer(connection: Connection): Complete {
  return async (text, position, signal) => {
    const { reply } = await connection.request('complete', { text, position, experiment_ids: null }, signal);
    return reply;
  };
}

export interface Completions {
  items: Signal<readonly Completion[]>;
  /** How many completions there are, listed or not. */
  count: Signal<number>;
  /** The index of the item that Enter inserts. -1 if the arrow keys have not chosen one. */
  active: Signal<number>;
  /** Requests the completions at a cursor after a pause. The answer to an older request is ignored. */
  ask: (text: string, position: number, forced?: boolean) => void;
  /** Lists completions that are known already. */
  offer: (found: readonly Completion[]) => void;
  move: (by: 1 | -1) => void;
  close: () => void;
}

/** The completions of a filter. An error closes the list. It is reported when the filter is applied. */
export function useCompletions(complete: Complete | undefined): Completions {
  const items = useSignal<readonly Completion[]>([]);
  const count = useSignal(0);
  const active = useSignal(-1);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const controller = useRef<AbortController | undefined>(undefined);

  const show = (found: readonly Completion[], total = 0) => {
    items.value = found;
    count.value = total;
    active.value = -1;
  };
  const stop = () => {
    clearTimeout(timer.current);
    controller.current?.abort();
  };
  const ask = (text: string, position: number, forced = false) => {
    stop();
    if (!complete) {
      return;
    }
    const asked = new AbortController();
    controller.current = asked;
    const send = () =>
      complete(text, position, asked.signal).then(
        (found) => {
          if (!asked.signal.aborted) {
            show(forced || isHelpful(text, found.completions) ? found.completions : [], found.count);
          }
        },
        () => {
          if (!asked.signal.aborted) {
            show([]);
          }
        },
      );
    timer.current = setTimeout(() => void send(), forced ? 0 : PAUSE_MS);
  };
  useEffect(() => stop, []);
  return {
    items,
    count,
    active,
    ask,
    offer: (found) => {
      stop();
      show(found, found.length);
    },
    move: (by) => {
      const count = items.peek().length;
      active.value = active.peek() < 0 ? (by > 0 ? 0 : count - 1) : (active.peek() + by + count) % count;
    },
    close: () => {
      stop();
      show([]);
    },
  };
}

import { batch, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, RunPageReply } from '../contract';

/** How many items of each list the kernel sends at a time. */
export const SIZES = { param: 200, metric: 500, dataset: 200, package: 200, change: 200 };

export type List = keyof typeof SIZES;

/**
 * What a run page shows: a run, and the parts of its lists that are in sight. A run that is opened from the page takes its
 * place, until the user goes back.
 */
export class RunPageState {
  readonly reply = signal<RunPageReply | null>(null);
  readonly error = signal<ErrorReply | null>(null);
  /** The runs that were opened one from the other. The last one is shown. */
  readonly trail;
  /** How many items of each list come before those that are shown. */
  readonly offsets = signal<Partial<Record<List, number>>>({});
  /** A part of the names of the params that are shown. */
  readonly search = signal('');
  /** Counts how often the store has changed, for the parts of the page that send requests of their own. */
  readonly changes = signal(0);
  private waiting: AbortController | null = null;

  constructor(
    readonly connection: Connection,
    run_id: string,
  ) {
    this.trail = signal<readonly string[]>([run_id]);
    this.reply.value = connection.first('run_page')?.reply ?? null;
  }

  /** Follow the store. Returns a function that ends this. */
  start(): () => void {
    void this.request();
    const stop = this.connection.watch(() => {
      this.changes.value += 1;
      return this.request();
    });
    return () => {
      stop();
      this.waiting?.abort();
    };
  }

  async request(): Promise<void> {
    this.waiting?.abort();
    const controller = new AbortController();
    this.waiting = controller;
    const offsets = Object.entries(this.offsets.peek()).map(([list, offset]) => [`${list}_offset`, offset]);
    const run_id = this.trail.peek().at(-1)!;
    const payload = { run_id, param_search: this.search.peek(), ...Object.fromEntries(offsets) };
    try {
      const { reply } = await this.connection.request('run_page', payload, controller.signal);
      this.reply.value = reply;
      this.error.value = null;
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
  }

  /** Show another part of a list. */
  turn(list: List, offset: number): void {
    this.offsets.value = { ...this.offsets.peek(), [list]: offset };
    void this.request();
  }

  /** Show the params with this in their names. */
  find(search: string): void {
    this.search.value = search;
    this.turn('param', 0);
  }

  /** Show another run, which is the last one of `trail`. */
  show(trail: readonly string[]): void {
    batch(() => {
      this.trail.value = trail;
      this.reply.value = null;
      this.offsets.value = {};
      this.search.value = '';
    });
    void this.request();
  }
}

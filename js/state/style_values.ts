import { effect, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply } from '../contract';
import { styleColumn } from '../logic/value_styles';
import type { Selection } from './selection';

/**
 * Asks the kernel for the values that give runs their style. The table knows those of the runs and columns that have been in
 * sight, and selected runs may be on another page or outside of the filter.
 */
export class StyleValues {
  readonly error = signal<ErrorReply | null>(null);
  /** How often the store has changed. */
  private readonly changes = signal(0);
  private controller = new AbortController();

  constructor(
    private readonly connection: Connection,
    private readonly selection: Selection,
  ) {
    const first = connection.first('values');
    if (first) {
      this.put(first.payload.column, first.payload.run_ids, first.reply.values);
    }
  }

  /** Ask for what is not known of the runs that are compared. Returns a function that ends this. */
  follow(): () => void {
    let changes = this.changes.peek();
    const end = effect(() => {
      const styleBy = this.selection.styleBy.value;
      const ids = this.selection.compared.value;
      const isStale = changes !== this.changes.value;
      changes = this.changes.value;
      this.controller.abort();
      if (styleBy === null || !this.connection.live) {
        this.error.value = null;
        return;
      }
      const wanted = styleColumn(styleBy).column;
      const known = this.selection.known.peek();
      const missing = known.column === wanted && !isStale ? ids.filter((id) => !known.values.has(id)) : ids;
      if (missing.length > 0) {
        void this.fetch(wanted, missing);
      }
    });
    return () => {
      end();
      this.controller.abort();
    };
  }

  /** Read the values again, because the store has changed. */
  refresh(): void {
    this.changes.value += 1;
  }

  private async fetch(column: string, run_ids: string[]): Promise<void> {
    this.controller = new AbortController();
    const { signal } = this.controller;
    try {
      const { reply } = await this.connection.request('values', { run_ids, column }, signal);
      if (!signal.aborted) {
        this.error.value = null;
        this.put(column, run_ids, reply.values);
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
  }

  private put(column: string, run_ids: readonly string[], values: readonly (string | null)[]): void {
    const known = this.selection.known.peek();
    const before = known.column === column ? known.values : [];
    const found = run_ids.map((id, i): [string, string | null] => [id, values[i] ?? null]);
    this.selection.known.value = { column, values: new Map([...before, ...found]) };
  }
}

import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply } from '../contract';
import { readRuns } from '../data/runs_by_id';
import type { Column } from '../logic/column_model';
import type { ColumnState } from './columns';
import type { RunPages } from './pages';
import type { Selection } from './selection';

/** Fetches first, best and mean values of the run that the others are compared with, which need not be in the table. */
export class BaselineSearch {
  /** The metrics that were requested for a run, since the last query. */
  private asked = { run_id: '', query: -1, metrics: new Set<string>() };

  constructor(
    private readonly connection: Connection,
    private readonly pages: RunPages,
    private readonly columns: ColumnState,
    private readonly selection: Selection,
  ) {}

  /** Fetch what is missing for the columns in sight. */
  ensure(columns: readonly Column[], signal: AbortSignal, failed: (error: ErrorReply) => void): void {
    const run_id = this.selection.baseline.peek();
    const query = this.pages.queries.peek();
    if (run_id === null || !this.connection.live) {
      return;
    }
    if (run_id !== this.asked.run_id || query !== this.asked.query) {
      this.asked = { run_id, query, metrics: new Set() };
    }
    const { metrics } = this.asked;
    const wanted = columns.filter(
      ({ kind, statistic, key }) => kind === 'metric' && statistic !== 'last' && !metrics.has(key),
    );
    if (wanted.length > 0) {
      void this.fetch(run_id, [...new Set(wanted.map(({ key }) => key))], signal).catch((cause) => {
        if (!isAbort(cause)) {
          failed(RequestError.of(cause).reply);
        }
      });
    }
  }

  private async fetch(run_id: string, keys: string[], signal: AbortSignal): Promise<void> {
    const { metrics } = this.asked;
    for (const key of keys) {
      metrics.add(key);
    }
    try {
      const rows = await readRuns(this.connection, [run_id], { metrics: [], statistics: keys }, signal);
      const row = rows.get(run_id);
      if (row && !signal.aborted) {
        this.columns.putBaseline(row);
      }
    } catch (cause) {
      for (const key of keys) {
        metrics.delete(key);
      }
      throw cause;
    }
  }
}

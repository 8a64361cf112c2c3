import { batch, computed, signal } from '@preact/signals';
import type { ParamColumn, RunsReply } from '../contract';

/** The params and metrics of the runs that match. */
export class ColumnState {
  readonly params = signal<ParamColumn[]>([]);
  readonly metrics = signal<string[]>([]);
  /** System metrics. They have curves like the others, but no columns. */
  readonly system = signal<string[]>([]);
  /** For each metric, the ID of the run with the best value. */
  readonly best = signal<Record<string, string>>({});
  /** Whether params that are the same in every run have a column too. */
  readonly allParams = signal(false);
  /** How many params are the same in every run. */
  readonly constant = computed(() => this.params.value.filter((param) => !param.differs).length);

  put(reply: RunsReply): void {
    batch(() => {
      this.params.value = reply.params;
      this.metrics.value = reply.metrics;
      this.system.value = reply.system;
      this.best.value = reply.best;
    });
  }
}

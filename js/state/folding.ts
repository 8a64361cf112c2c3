import { type Signal, signal } from '@preact/signals';

/** Whether nested runs are shown under their parents, and under which of them. */
export class Folding {
  readonly grouped = signal(true);
  /** The IDs of the runs whose nested runs are shown. */
  readonly unfolded: Signal<ReadonlySet<string>>;

  constructor(unfolded: Iterable<string> = []) {
    this.unfolded = signal(new Set(unfolded));
  }

  isOpen(run_id: string): boolean {
    return this.unfolded.value.has(run_id);
  }
}

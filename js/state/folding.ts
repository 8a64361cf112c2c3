import { computed, type ReadonlySignal } from '@preact/signals';
import type { Part, View } from './view';

/** Whether nested runs are shown under their parents, and under which of them. */
export class Folding {
  readonly grouped: Part<boolean>;
  /** The IDs of the runs whose nested runs are shown. */
  readonly unfolded: ReadonlySignal<ReadonlySet<string>>;

  constructor(view: View) {
    this.grouped = view.part('grouped');
    const unfolded = view.part('unfolded');
    this.unfolded = computed(() => new Set(unfolded.value));
  }

  isOpen(run_id: string): boolean {
    return this.unfolded.value.has(run_id);
  }
}

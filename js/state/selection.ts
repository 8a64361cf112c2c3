import { computed, type Signal } from '@preact/signals';
import { MOST_RUNS } from '../contract';

/** The selected runs, and the line style of each. */
export class Selection {
  /** The position of each selected run in the line styles. A run keeps it for as long as it is selected. */
  readonly slots = computed(() => this.assign(this.ids.value));

  /** The IDs of the runs that are compared: the first of those that are selected. */
  readonly compared = computed(() => this.ids.value.slice(0, MOST_RUNS));

  private assigned: ReadonlyMap<string, number> = new Map();

  /** `ids` are the IDs of the selected runs, in the order in which they were selected. */
  constructor(readonly ids: Signal<string[]>) {}

  toggle(run_id: string, on: boolean = !this.ids.peek().includes(run_id)): void {
    const others = this.ids.peek().filter((id) => id !== run_id);
    this.ids.value = on ? [...others, run_id] : others;
  }

  clear(): void {
    this.ids.value = [];
  }

  /** Give each new run the first free position. */
  private assign(ids: string[]): ReadonlyMap<string, number> {
    const kept = new Map([...this.assigned].filter(([id]) => ids.includes(id)));
    const taken = new Set(kept.values());
    let free = 0;
    for (const id of ids) {
      if (!kept.has(id)) {
        while (taken.has(free)) {
          free += 1;
        }
        taken.add(free);
        kept.set(id, free);
      }
    }
    this.assigned = kept;
    return kept;
  }
}

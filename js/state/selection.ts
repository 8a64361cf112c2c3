import { computed, signal } from '@preact/signals';
import { MOST_RUNS, type RunRow, type RunStyle } from '../contract';
import type { Part, View } from './view';

/** The selected runs, and the line style of each. */
export class Selection {
  /** The IDs of the selected runs, in the order in which they were selected. */
  readonly ids: Part<string[]>;
  /** The ID of the run that the others are compared with. */
  readonly baseline: Part<string | null>;
  /** The param whose value gives runs their style. Null gives each selected run its own. */
  readonly styleBy: Part<string | null>;
  readonly styles: Part<RunStyle[]>;
  /** The IDs of the selected runs, for looking up. */
  readonly set = computed((): ReadonlySet<string> => new Set(this.ids.value));
  /** The position of each selected run in the line styles. A run keeps it for as long as it is selected. */
  readonly slots = computed(() => this.assign(this.ids.value));
  /** The IDs of the runs that are compared: the first of those that are selected. */
  readonly compared = computed(() => this.ids.value.slice(0, MOST_RUNS));

  /** The ID of the run under the pointer or the keyboard's cursor, in a chart or in the table. */
  readonly marked = signal<string | null>(null);

  private assigned: ReadonlyMap<string, number> = new Map();

  /** `run` returns what is known of a run. */
  constructor(
    view: View,
    private readonly run: (run_id: string) => RunRow | undefined = () => undefined,
  ) {
    this.ids = view.part('selected');
    this.baseline = view.part('baseline');
    this.styleBy = view.part('style_by');
    this.styles = view.part('styles');
  }

  toggle(run_id: string, on: boolean = !this.set.peek().has(run_id)): void {
    const others = this.ids.peek().filter((id) => id !== run_id);
    this.ids.value = on ? [...others, run_id] : others;
  }

  /** Give a run, or all runs with its value of the param that gives runs their style, a color and a dash. */
  setStyle(run_id: string, slot: number): void {
    const key = this.styleBy.peek();
    const value = key === null ? run_id : (this.run(run_id)?.params[key] ?? '');
    const others = this.styles.peek().filter((style) => style.value !== value);
    this.styles.value = [...others, { value, slot }].slice(-MOST_RUNS);
  }

  clear(): void {
    this.ids.value = [];
  }

  /** Give each new run the first free position, unless a style was chosen for it or for its value of a param. */
  private assign(ids: string[]): ReadonlyMap<string, number> {
    const chosen = new Map(this.styles.value.map(({ value, slot }) => [value, slot]));
    const key = this.styleBy.value;
    if (key !== null) {
      return this.byParam(ids, key, chosen);
    }
    const kept = new Map([...this.assigned].filter(([id]) => this.set.value.has(id)));
    for (const id of ids) {
      const slot = chosen.get(id);
      if (slot !== undefined) {
        kept.set(id, slot);
      }
    }
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

  /** Give runs with the same value of a param the same position, in the order of the values. */
  private byParam(ids: string[], key: string, chosen: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const values = new Map(ids.map((id) => [id, this.run(id)?.params[key] ?? '']));
    const distinct = [...new Set(values.values())].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const places = new Map(distinct.map((value, place) => [value, chosen.get(value) ?? place]));
    return new Map(ids.map((id) => [id, places.get(values.get(id)!)!]));
  }
}

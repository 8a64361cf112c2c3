import { computed, signal } from '@preact/signals';
import { MOST_RUNS, type RunRow, type RunStyle } from '../contract';
import { styleColumn, type ValueStyles, valueKey, valueStyles } from '../logic/value_styles';
import { BASELINE, NO_VALUE } from '../style/theme';
import type { Part, View } from './view';

const RUN_ID = /^[0-9a-f]{32}$/;
const NONE = { column: '', values: new Map<string, string | null>() };

/** The selected runs, and the line style of each. */
export class Selection {
  /** The IDs of the selected runs, in the order in which they were selected. */
  readonly ids: Part<string[]>;
  /** The ID of the run that the others are compared with. */
  readonly baseline: Part<string | null>;
  /** The key of the group that the others are compared with, instead of a run. */
  readonly baselineGroup: Part<string | null>;
  /** The keys of the selected groups, in the order in which they were selected. */
  readonly groups: Part<string[]>;
  private readonly groupBy: Part<string | null>;
  /** The column whose value gives runs their style. Null gives each selected run its own. */
  readonly styleBy: Part<string | null>;
  /** Values of such a column by run, as far as they were read for it. */
  readonly known = signal<{ column: string; values: ReadonlyMap<string, string | null> }>(NONE);
  /** The styles of the values of that column among the runs that are compared. */
  readonly valueStyles = computed(() => this.styleValues());
  readonly styles: Part<RunStyle[]>;
  /** The IDs of the selected runs, for looking up. */
  readonly set = computed((): ReadonlySet<string> => new Set(this.ids.value));
  /**
   * The position of each selected run in the line styles. A run keeps it for as long as it is selected. The baseline has a
   * style of its own, even if it is not selected.
   */
  readonly slots = computed(() => withBaseline(this.assign(this.ids.value), this.baseline.value));
  /** The line style of each selected group, by its key: that of its value, or one that no selected run has. */
  readonly groupSlots = computed(() => withBaseline(this.assignGroups(this.groups.value), this.baselineGroup.value));
  /** The IDs of the runs that are compared: the first of those that are selected. */
  readonly compared = computed(() => this.ids.value.slice(0, MOST_RUNS));

  /** The ID of the run under the pointer or the keyboard's cursor, in a chart or in the table. */
  readonly marked = signal<string | null>(null);

  private assigned: ReadonlyMap<string, number> = new Map();
  private assignedGroups: ReadonlyMap<string, number> = new Map();
  /** The column whose values had styles last, and their slots. */
  private before: { column: string; slots: ReadonlyMap<string, number> } = { column: '', slots: new Map() };

  /** `run` returns what is known of a run. */
  constructor(
    private readonly view: View,
    private readonly run: (run_id: string) => RunRow | undefined = () => undefined,
  ) {
    this.ids = view.part('selected');
    this.baseline = view.part('baseline');
    this.baselineGroup = view.part('baseline_group');
    this.groups = view.part('selected_groups');
    this.groupBy = view.part('group_by');
    this.styleBy = view.part('style_by');
    this.styles = view.part('styles');
  }

  toggle(run_id: string, on: boolean = !this.set.peek().has(run_id)): void {
    const others = this.ids.peek().filter((id) => id !== run_id);
    this.ids.value = on ? [...others, run_id] : others;
  }

  toggleGroup(key: string, on: boolean = !this.groups.peek().includes(key)): void {
    const others = this.groups.peek().filter((each) => each !== key);
    this.groups.value = on ? [...others, key] : others;
  }

  /** Compare the others with a run, by its ID, or with a group, by its key. Null compares them with none. */
  setBaseline(subject: { kind: 'run' | 'group'; id: string } | null): void {
    const { kind, id = null } = subject ?? {};
    this.view.set({ baseline: kind === 'run' ? id : null, baseline_group: kind === 'group' ? id : null });
  }

  /**
   * Give a run, or all runs with its value of the column that gives runs their style, a color and a dash. Null gives them the
   * default style again.
   */
  setStyle(run_id: string, slot: number | null): void {
    const value = this.styleBy.peek() === null ? run_id : this.valueOf(run_id);
    if (typeof value === 'string') {
      this.setValueStyle(value, slot);
    }
  }

  /** Return whether a style was chosen for a run, or for its value. */
  isStyled(run_id: string): boolean {
    const value = this.styleBy.value === null ? run_id : this.valueOf(run_id);
    return typeof value === 'string' && this.isChosen(value);
  }

  /** Give the runs with a value of the column a color and a dash. Null gives them the default style again. */
  setValueStyle(value: string, slot: number | null): void {
    const others = this.styles.peek().filter((style) => valueKey(style.value) !== valueKey(value));
    this.styles.value = slot === null ? others : [...others, { value, slot }].slice(-MOST_RUNS);
  }

  /** Return whether a style was chosen for a value, or for a run by its ID. */
  isChosen(value: string): boolean {
    return this.styles.value.some((style) => valueKey(style.value) === valueKey(value));
  }

  /** Let a column give runs their style, or null for each run its own. Styles chosen for values of another one are dropped. */
  colorBy(column: string | null): void {
    if (column !== this.styleBy.peek()) {
      const styles = this.styles.peek().filter(({ value }) => RUN_ID.test(value));
      this.view.set({ style_by: column, styles });
    }
  }

  /** Return the value that gives a run its style. Null if it has none, undefined if it is not known yet. */
  private valueOf(run_id: string): string | null | undefined {
    const { entity, key, column } = styleColumn(this.styleBy.value ?? '');
    const known = this.known.value;
    const value = known.column === column ? known.values.get(run_id) : undefined;
    return value !== undefined || entity !== 'params' ? value : this.run(run_id)?.params[key];
  }

  private styleValues(): ValueStyles | null {
    const styleBy = this.styleBy.value;
    if (styleBy === null) {
      return null;
    }
    const { column } = styleColumn(styleBy);
    const chosen = new Map(this.styles.value.map(({ value, slot }) => [valueKey(value), slot]));
    const before = this.before.column === column ? this.before.slots : new Map<string, number>();
    const values = this.compared.value.map((id) => this.valueOf(id));
    const styles = valueStyles(
      values.map((value) => value ?? null),
      chosen,
      before,
    );
    // The first values to arrive would take the first styles, whatever their order.
    if (values.includes(undefined)) {
      return styles;
    }
    // A chosen style is not kept: without it, the value has its default again. Nor is a place on a scale.
    const own = styles.scale ? [] : [...styles.slots].filter(([key, slot]) => slot >= 0 && !chosen.has(key));
    this.before = { column, slots: new Map([...before, ...own]) };
    return styles;
  }

  clear(): void {
    this.view.set({ selected: [], selected_groups: [] });
  }

  /** Give each new run the first free position, or that of its value, unless a style was chosen. */
  private assign(ids: string[]): ReadonlyMap<string, number> {
    const chosen = new Map(this.styles.value.map(({ value, slot }) => [value, slot]));
    const styles = this.valueStyles.value;
    if (styles !== null) {
      return new Map(ids.map((id) => [id, styles.slots.get(valueKey(this.valueOf(id) ?? null)) ?? NO_VALUE]));
    }
    this.assigned = assigned(ids, this.assigned, chosen, new Set());
    return this.assigned;
  }

  private assignGroups(keys: string[]): ReadonlyMap<string, number> {
    const chosen = new Map(this.styles.value.map(({ value, slot }) => [value, slot]));
    const styles = this.valueStyles.value;
    if (styles !== null && styleColumn(this.styleBy.value ?? '').column === this.groupBy.value) {
      // The groups are those of the values that have styles.
      const slots = new Map([...styles.slots, ...[...chosen].map(([value, slot]) => [valueKey(value), slot] as const)]);
      for (const key of keys) {
        const slot = slots.get(key.startsWith('n:') ? `n:${Number(key.slice(2))}` : key);
        if (slot !== undefined) {
          chosen.set(key, slot);
        }
      }
    }
    this.assignedGroups = assigned(keys, this.assignedGroups, chosen, new Set(this.slots.value.values()));
    return this.assignedGroups;
  }
}

function withBaseline(slots: ReadonlyMap<string, number>, baseline: string | null): ReadonlyMap<string, number> {
  return baseline === null ? slots : new Map(slots).set(baseline, BASELINE);
}

/** Give each item the position that was chosen for it, or the one that it had, or the first that is free. */
function assigned(
  items: readonly string[],
  before: ReadonlyMap<string, number>,
  chosen: ReadonlyMap<string, number>,
  others: ReadonlySet<number>,
): ReadonlyMap<string, number> {
  const slots = new Map<string, number>();
  for (const item of items) {
    const slot = chosen.get(item) ?? before.get(item);
    if (slot !== undefined) {
      slots.set(item, slot);
    }
  }
  const taken = new Set([...slots.values(), ...others]);
  let free = 0;
  for (const item of items) {
    if (!slots.has(item)) {
      while (taken.has(free)) {
        free += 1;
      }
      taken.add(free);
      slots.set(item, free);
    }
  }
  return slots;
}

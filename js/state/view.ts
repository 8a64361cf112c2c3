import { computed, type ReadonlySignal, type Signal } from '@preact/signals';
import {
  type Band,
  type BarStatistic,
  type ColumnView,
  type GroupStatistic,
  MOST_COLUMN_VIEWS,
  MOST_PANELS,
  MOST_RUNS,
  MOST_SELECTED,
  MOST_SELECTED_GROUPS,
  MOST_SORTS,
  MOST_UNFOLDED,
  type PanelKind,
  type PanelView,
  type RunStyle,
  type ViewState,
  type XAxis,
} from '../contract';

/** The version of the fields that this code writes. */
export const VERSION = 1;

/** A chart as it is before anything about it has been chosen. */
export const NEW_PANEL: Readonly<PanelView> = {
  metrics: [],
  kind: 'curves',
  statistic: 'last',
  x_axis: 'step',
  smoothing: 0,
  log: false,
  x_min: null,
  x_max: null,
  log_x: false,
  x_metric: null,
  band: 'std',
  all_values: false,
  difference: false,
  members: false,
  width: null,
  height: null,
};

/** A value that is a part of another one, and can be set. */
export interface Part<T> {
  value: T;
  peek(): T;
}

/** Return the state of a comparison that nobody has changed. */
export function defaultView(): ViewState {
  return {
    version: VERSION,
    query: '',
    sorts: [],
    grouped: true,
    unfolded: [],
    selected: [],
    columns: [],
    all_params: false,
    panels: [],
    shared_x: true,
    group_by: null,
    baseline: null,
    baseline_group: null,
    selected_groups: [],
    unfolded_groups: [],
    group_statistic: 'mean',
    style_by: null,
    styles: [],
  };
}

type Reader<T> = (value: unknown) => value is T;

const string: Reader<string> = (value) => typeof value === 'string';
const boolean: Reader<boolean> = (value) => typeof value === 'boolean';
const number: Reader<number> = (value): value is number => typeof value === 'number' && Number.isFinite(value);
const between =
  (low: number, high: number): Reader<number> =>
  (value): value is number =>
    number(value) && low <= value && value <= high;
const integer =
  (low: number, high: number): Reader<number> =>
  (value): value is number =>
    between(low, high)(value) && Number.isInteger(value);
const orNull =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (value): value is T | null =>
    value === null || reader(value);
const list =
  <T>(reader: Reader<T>, most: number): Reader<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.length <= most && value.every(reader);
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object =
  <T extends object>(fields: { [K in keyof T]: Reader<T[K]> }): Reader<T> =>
  (value): value is T =>
    typeof value === 'object' &&
    value !== null &&
    (Object.keys(fields) as (keyof T)[]).every((name) => fields[name]((value as T)[name]));

const axis = (value: unknown): value is XAxis => value === 'step' || value === 'time' || value === 'relative';
const kind = (value: unknown): value is PanelKind => value === 'curves' || value === 'bars';
const barStatistic = (value: unknown): value is BarStatistic =>
  ['last', 'best', 'first', 'mean'].includes(value as string);
const band = (value: unknown): value is Band => ['none', 'range', 'std', 'sem'].includes(value as string);
const statistic = (value: unknown): value is GroupStatistic =>
  typeof value === 'string' && ['mean', 'std', 'min', 'max', 'n'].includes(value);
const column = object<ColumnView>({
  column: string,
  width: orNull(integer(40, 2000)),
  hidden: orNull(boolean),
  pinned: boolean,
  before: orNull(string),
});
const panel = object<PanelView>({
  metrics: list(string, 1000),
  kind,
  statistic: barStatistic,
  x_axis: axis,
  smoothing: between(0, 1),
  log: boolean,
  x_min: orNull(number),
  x_max: orNull(number),
  log_x: boolean,
  x_metric: orNull(string),
  band,
  all_values: boolean,
  difference: boolean,
  members: boolean,
  width: orNull(integer(1, 12)),
  height: orNull(integer(120, 2000)),
});
const style = object<RunStyle>({ value: string, slot: integer(0, 31) });

const FIELDS: { [K in keyof Omit<ViewState, 'version'>]: Reader<ViewState[K]> } = {
  query: string,
  sorts: list(string, MOST_SORTS),
  grouped: boolean,
  unfolded: list(string, MOST_UNFOLDED),
  selected: list(string, MOST_SELECTED),
  columns: list(column, MOST_COLUMN_VIEWS),
  all_params: boolean,
  panels: list(panel, MOST_PANELS),
  shared_x: boolean,
  group_by: orNull(string),
  baseline: orNull(string),
  baseline_group: orNull(string),
  selected_groups: list(string, MOST_SELECTED_GROUPS),
  unfolded_groups: list(string, MOST_UNFOLDED),
  group_statistic: statistic,
  style_by: orNull(string),
  styles: list(style, MOST_RUNS),
};

/**
 * Return the fields of a state that are valid, and the defaults of the others. The state comes from a kernel or a notebook
 * of any version, as `views/view_state.py` reads one from a browser.
 */
export function readView(state: unknown): ViewState {
  const view = defaultView();
  const given = { ...(typeof state === 'object' && state !== null ? state : {}) } as Record<string, unknown>;
  if (Array.isArray(given.panels)) {
    // Charts of earlier versions, or written by hand, lack fields.
    given.panels = given.panels.map((each) => (isObject(each) ? { ...NEW_PANEL, ...each } : each));
  }
  for (const [name, isValid] of Object.entries(FIELDS)) {
    if (Object.hasOwn(given, name) && isValid(given[name])) {
      Object.assign(view, { [name]: given[name] });
    }
  }
  return view;
}

/** What a comparison shows. It is kept in one signal, which the host syncs with Python, and each part is read from it. */
export class View {
  private readonly state: ReadonlySignal<ViewState>;

  /** `synced` may be set from outside, to any value. */
  constructor(private readonly synced: Signal<unknown>) {
    this.state = computed(() => readView(synced.value));
  }

  peek(): ViewState {
    return this.state.peek();
  }

  /** Change some fields at once. */
  set(changes: Partial<ViewState>): void {
    const [before, after] = [this.peek(), { ...this.peek(), ...changes }];
    if (!same(before, after)) {
      this.synced.value = after;
    }
  }

  /** Return a field as a value of its own, which changes only if the field does. */
  part<K extends keyof ViewState>(name: K): Part<ViewState[K]> {
    return this.derived(
      (view) => view[name],
      (value) => ({ [name]: value }) as Pick<ViewState, K>,
    );
  }

  /** Return a value that is computed from the view and, when it is set, changes it. */
  derived<T>(read: (view: ViewState) => T, write: (value: T, view: ViewState) => Partial<ViewState>): Part<T> {
    let last: T | undefined;
    const value = computed(() => {
      const next = read(this.state.value);
      // A state that comes from the host is a copy, so equal fields of it are other objects.
      last = last !== undefined && same(last, next) ? last : next;
      return last;
    });
    const change = (next: T) => this.set(write(next, this.peek()));
    return {
      get value() {
        return value.value;
      },
      set value(next: T) {
        change(next);
      },
      peek: () => value.peek(),
    };
  }
}

/** Return whether two values of JSON are equal. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) {
    return true;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return false;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => same((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]))
  );
}

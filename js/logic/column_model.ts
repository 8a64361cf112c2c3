import type { ColumnView, ParamColumn } from '../contract';
import { quoted } from './order';
import { prefixOf } from './shorten';

/** Which value of a metric a column shows. */
export type Statistic = 'last' | 'min' | 'max' | 'first' | 'mean' | 'tail';

/** A column of the run table, as plain data. */
export interface Column {
  /** The column as an order_by clause names it, which is also its name in the view. */
  id: string;
  kind: 'run' | 'metric' | 'param';
  /** The key of a param or metric, or the name of an attribute. */
  key: string;
  statistic: Statistic;
  title: string;
  /** The first line of the header, which neighbors with the same one share. */
  group: string;
  /** Whether the store can sort by it. */
  sortable: boolean;
  /** In px. */
  width: number;
  pinned: boolean;
}

/** What the runs that match have. */
export interface Names {
  params: readonly ParamColumn[];
  metrics: readonly string[];
  /** The metrics for which lower is better. */
  lower: ReadonlySet<string>;
  /** Whether one of the runs logged a model, which can be registered. */
  models: boolean;
  /** Whether the rows are groups, which have values of metrics, but no model. */
  grouped?: boolean;
}

const CHARACTER_WIDTH = 8.2;
const PADDING = 34;
const METRIC_WIDTH = 108;
const LEAST_WIDTH = 76;
const MOST_WIDTH = 210;

/** The columns of every run. They come after metrics and the params that differ, because runs are compared by those. */
const ATTRIBUTES: readonly (readonly [key: string, title: string, width: number])[] = [
  ['status', 'Status', 96],
  ['start_time', 'Started', 112],
  ['duration', 'Duration', 100],
];
/** The column of the models that a run logged. The store cannot sort by it. */
export const MODEL = 'models';

/** Return the ID of a column of a metric. */
export function metricId(key: string, statistic: Statistic): string {
  const name = quoted('metrics', key);
  return statistic === 'last' ? name : `${statistic}(${name})`;
}

/** Return the columns that a metric can have: its last value, its best one, its first one, and means. */
export function statisticsOf(key: string, lower: ReadonlySet<string>): Statistic[] {
  return ['last', lower.has(key) ? 'min' : 'max', 'first', 'mean', 'tail'];
}

/**
 * Return columns in their default order: those that are shown by default, and those that `isWanted` asks for. Without it,
 * all of them are returned.
 */
export function columnsOf(names: Names, allParams: boolean, isWanted?: (id: string) => boolean): Column[] {
  const found: Column[] = [];
  const add = (id: string, shown: boolean, make: () => Column) => {
    if (shown || isWanted === undefined || isWanted(id)) {
      found.push(make());
    }
  };
  // The first column, because its buttons would be out of sight beside many metrics.
  if (!names.grouped) {
    add(MODEL, names.models, () => MODEL_COLUMN);
  }
  for (const key of byPrefix(names.metrics, String)) {
    found.push(metricColumn(key, 'last'));
    // Very many metrics have no other column, so these are not created in vain.
    for (const statistic of statisticsOf(key, names.lower)) {
      if (statistic !== 'last') {
        add(metricId(key, statistic), false, () => metricColumn(key, statistic));
      }
    }
  }
  const params = byPrefix(names.params, ({ key }) => key);
  found.push(...params.filter(({ differs }) => differs).map(({ key }) => paramColumn(key)));
  found.push(...ATTRIBUTES.map(([key, title, width]) => runColumn(key, title, width)));
  if (names.grouped) {
    add(MODEL, names.models, () => MODEL_COLUMN);
  }
  for (const { key } of params.filter(({ differs }) => !differs)) {
    add(quoted('params', key), allParams, () => paramColumn(key));
  }
  return found;
}

/** Put names with the same prefix next to each other, where the first of them is. Those without a prefix come first. */
function byPrefix<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  const groups = new Map<string, T[]>([['', []]]);
  for (const item of items) {
    const prefix = prefixOf(nameOf(item));
    const group = groups.get(prefix);
    if (group) {
      group.push(item);
    } else {
      groups.set(prefix, [item]);
    }
  }
  return [...groups.values()].flat();
}

/** Return the columns of the table from left to right, as the view changes them. Pinned ones come first. */
export function shownColumns(names: Names, allParams: boolean, views: readonly ColumnView[]): Column[] {
  const changes = new Map(views.map((view) => [view.column, view]));
  const shown: Column[] = [];
  const wanted = (id: string) => changes.get(id)?.hidden === false;
  for (const column of columnsOf(
    names,
    allParams,
    views.some(({ hidden }) => hidden === false) ? wanted : () => false,
  )) {
    const change = changes.get(column.id);
    if (!change) {
      shown.push(column);
    } else if (!change.hidden) {
      shown.push({ ...column, pinned: change.pinned, width: change.width ?? column.width });
    }
  }
  for (const { column: id, before } of views) {
    const from = before === null ? -1 : shown.findIndex((column) => column.id === id);
    if (from >= 0) {
      const [moved] = shown.splice(from, 1);
      const to = shown.findIndex((column) => column.id === before);
      // A column that was moved to the end has an empty name as its neighbor. One whose neighbor is not shown stays.
      shown.splice(to >= 0 ? to : before === '' ? shown.length : from, 0, moved!);
    }
  }
  return [...shown.filter((column) => column.pinned), ...shown.filter((column) => !column.pinned)];
}

/** Change the view of one column. A column that is as it is by default has no entry. */
export function withColumn(views: readonly ColumnView[], id: string, change: Partial<ColumnView>): ColumnView[] {
  const plain: ColumnView = { column: id, width: null, hidden: null, pinned: false, before: null };
  const next = { ...(views.find((view) => view.column === id) ?? plain), ...change };
  const others = views.filter((view) => view.column !== id);
  const isPlain = next.width === null && next.hidden === null && !next.pinned && next.before === null;
  return isPlain ? others : [...others, next];
}

export interface ColumnWindow {
  first: number;
  /** One past the last column. */
  end: number;
  /** Widths in px of the columns on the left and on the right of the window. */
  left: number;
  right: number;
}

/** Return the left edge of each column in px, and the right edge of the last one. */
export function edges(columns: readonly Column[]): number[] {
  const found = [0];
  for (const column of columns) {
    found.push(found.at(-1)! + column.width);
  }
  return found;
}

/** Return which columns are in sight, with `extra` columns on either side so that scrolling shows no gaps. */
export function columnWindow(at: readonly number[], scrollLeft: number, width: number, extra = 3): ColumnWindow {
  const count = at.length - 1;
  const first = Math.max(0, position(at, scrollLeft) - extra);
  const end = Math.min(count, position(at, scrollLeft + width) + 1 + extra);
  return { first, end, left: at[first] ?? 0, right: (at[count] ?? 0) - (at[end] ?? 0) };
}

/** Return the column at a place in px. */
function position(at: readonly number[], x: number): number {
  let [low, high] = [0, Math.max(0, at.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (at[middle]! <= x) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

const STATISTIC_TITLES: Record<Statistic, string> = {
  last: 'last',
  min: 'best, lowest',
  max: 'best, highest',
  first: 'first',
  mean: 'mean',
  tail: 'mean of the last 10',
};

export function statisticTitle(statistic: Statistic): string {
  return STATISTIC_TITLES[statistic];
}

/** The columns of metrics and params by ID, because they are made again with every change of the view. */
const made = new Map<string, Column>();
const MOST_MADE = 100_000;

function once(id: string, make: () => Column): Column {
  const known = made.get(id);
  if (known) {
    return known;
  }
  if (made.size >= MOST_MADE) {
    made.clear();
  }
  const column = make();
  made.set(id, column);
  return column;
}

/** Return the column of a statistic of a metric. */
export function metricColumn(key: string, statistic: Statistic): Column {
  const id = metricId(key, statistic);
  return once(id, () => newMetricColumn(id, key, statistic));
}

function newMetricColumn(id: string, key: string, statistic: Statistic): Column {
  const prefix = prefixOf(key);
  const short = key.slice(prefix.length);
  const title = statistic === 'last' ? short : `${short} (${statistic === 'tail' ? 'last 10' : statistic})`;
  return {
    id,
    kind: 'metric',
    key,
    statistic,
    title,
    group: prefix || 'Metrics',
    // The store keeps the other statistics, and would have to read all points to sort by this one.
    sortable: statistic !== 'tail',
    width: Math.max(METRIC_WIDTH, widthOf(title)),
    pinned: false,
  };
}

function paramColumn(key: string): Column {
  const id = quoted('params', key);
  return once(id, () => newParamColumn(id, key));
}

function newParamColumn(id: string, key: string): Column {
  const prefix = prefixOf(key);
  const title = key.slice(prefix.length);
  return {
    id,
    kind: 'param',
    key,
    statistic: 'last',
    title,
    group: prefix || 'Params',
    sortable: true,
    width: widthOf(title),
    pinned: false,
  };
}

function runColumn(key: string, title: string, width: number): Column {
  const id = `attributes.${key}`;
  return { id, kind: 'run', key, statistic: 'last', title, group: '', sortable: true, width, pinned: false };
}

const MODEL_COLUMN: Column = { ...runColumn(MODEL, 'Model', 92), id: MODEL, sortable: false };

function widthOf(title: string): number {
  return Math.round(Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, title.length * CHARACTER_WIDTH + PADDING)));
}

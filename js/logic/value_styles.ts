import { COLORS, DASHES, NO_VALUE, SCALE_STEPS, scaleSlot } from '../style/theme';
import { quoted } from './order';

/** With more different numbers than this, runs get the colors of a scale. */
const MOST_NUMBERS = COLORS;
/** From this ratio on, positive numbers are on a logarithmic scale. */
const LOG_RATIO = 100;
const COLUMN = /^(params|tags|attributes|datasets)\.[`"]?(.+?)[`"]?$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A value with the line style that runs with it get. */
export interface ValueStyle {
  /** As the first of these runs has it. Null for runs without a value. */
  value: string | null;
  slot: number;
  /** How many runs have it. */
  runs: number;
}

/** The line styles of runs by their values of one column. */
export interface ValueStyles {
  /** The ends of the scale, if the values are many numbers. */
  scale: { low: number; high: number; log: boolean } | null;
  /** The values in their order, those of runs without a value last. */
  entries: ValueStyle[];
  /** The slot of each value by its key. */
  slots: ReadonlyMap<string, number>;
}

/** Return the column that `style_by` of a view names. Earlier versions kept the name of a param there. */
export function styleColumn(styleBy: string): { entity: string; key: string; column: string } {
  const [, entity = 'params', key = styleBy] = styleBy.match(COLUMN) ?? [];
  return { entity, key, column: quoted(entity, key) };
}

/** Return what identifies a value: equal numbers are one value, however they are written. */
export function valueKey(value: string | null): string {
  if (value === null) {
    return 'none';
  }
  return NUMBER.test(value) ? `n:${Number(value)}` : `s:${value}`;
}

/**
 * Give each value a line style. Values keep the style that they had in `before` by their key, the others get the first that
 * are free, in their order. A style that was chosen for a value comes before all that.
 */
export function valueStyles(
  values: readonly (string | null)[],
  chosen: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): ValueStyles {
  const found = new Map<string, ValueStyle>();
  for (const value of values) {
    const key = valueKey(value);
    const entry = found.get(key);
    if (entry) {
      entry.runs += 1;
    } else {
      found.set(key, { value, slot: NO_VALUE, runs: 1 });
    }
  }
  const keys = [...found.keys()].filter((key) => key !== 'none');
  const entries = [...found.values()].sort((a, b) => compared(a.value, b.value));
  const numbers = keys.filter((key) => key.startsWith('n:')).map((key) => Number(key.slice(2)));
  if (numbers.length === keys.length && numbers.length > MOST_NUMBERS) {
    const [low, high] = numbers.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [Infinity, -Infinity]);
    const log = low > 0 && high / low >= LOG_RATIO;
    const place = (n: number) => (log ? Math.log(n / low) / Math.log(high / low) : (n - low) / (high - low));
    for (const [key, entry] of found) {
      if (key !== 'none') {
        entry.slot = scaleSlot(Math.round(place(Number(key.slice(2))) * (SCALE_STEPS - 1)));
      }
    }
    return { scale: { low, high, log }, entries, slots: slotsOf(found) };
  }
  const taken = new Set(keys.map((key) => chosen.get(key) ?? before.get(key)));
  let free = 0;
  for (const entry of entries) {
    if (entry.value === null) {
      continue;
    }
    const key = valueKey(entry.value);
    const known = chosen.get(key) ?? before.get(key);
    if (known !== undefined) {
      entry.slot = known;
      continue;
    }
    while (taken.has(free)) {
      free += 1;
    }
    taken.add(free);
    // After the last style, they repeat.
    entry.slot = free % (COLORS * DASHES.length);
  }
  return { scale: null, entries, slots: slotsOf(found) };
}

function slotsOf(found: ReadonlyMap<string, ValueStyle>): ReadonlyMap<string, number> {
  return new Map([...found].map(([key, { slot }]) => [key, slot]));
}

/** Order values: numbers by their size, then strings, then none. */
function compared(a: string | null, b: string | null): number {
  if (a === null || b === null) {
    return a === b ? 0 : a === null ? 1 : -1;
  }
  const [left, right] = [NUMBER.test(a), NUMBER.test(b)];
  if (left !== right) {
    return left ? -1 : 1;
  }
  return left ? Number(a) - Number(b) : a.localeCompare(b, 'en', { numeric: true });
}

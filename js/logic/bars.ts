/** A bar of a run, or of a group with the mean of its runs. */
export interface Bar {
  /** The ID of the run, or the key of the group. */
  id: string;
  kind: 'run' | 'group';
  name: string;
  /** The color and the dash. */
  slot: number;
  /** Null if there is no value, undefined if it is not known yet. NaN and infinity cannot be drawn. */
  value: number | null | undefined;
  /** The standard deviation of the runs of a group. Null if it has fewer than two values. */
  std: number | null;
  /** How many runs of the group have a value, and how many it has. */
  n: number;
  runs: number;
}

/** Return bars with the best values first, then those that cannot be drawn. Equal ones keep their order. */
export function sortedBars(bars: readonly Bar[], lowerIsBetter: boolean): Bar[] {
  const side = lowerIsBetter ? 1 : -1;
  return [...bars].sort(
    (a, b) => rank(a) - rank(b) || (Number.isFinite(a.value) ? side * (Number(a.value) - Number(b.value)) : 0),
  );
}

function rank({ value }: Bar): number {
  return value == null ? 3 : Number.isNaN(value) ? 2 : Number.isFinite(value) ? 0 : 1;
}

/** Where values are between the left (0) and the right end (1) of the place for bars. */
export interface BarScale {
  place: (value: number) => number;
  /** The values at both ends. */
  low: number;
  high: number;
  log: boolean;
}

/**
 * Return a scale with room for all bars. Linear ones start at zero. With `log` they start at a power of ten below the lowest
 * one, if all of them are positive.
 */
export function barScale(bars: readonly Bar[], log: boolean): BarScale {
  const values = bars.map(({ value }) => value).filter((value): value is number => Number.isFinite(value));
  const drawn = bars.filter(({ value, std }) => Number.isFinite(value) && Number.isFinite(std));
  const highest = Math.max(...values, ...drawn.map(({ value, std }) => value! + std!));
  if (log && values.length > 0 && values.every((value) => value > 0)) {
    const low = Math.ceil(Math.log10(Math.min(...values))) - 1;
    const high = Math.log10(highest);
    // The deviation of a group may reach below zero, which is left of every place.
    const place = (value: number) => (value > 0 ? Math.max(0, (Math.log10(value) - low) / (high - low)) : 0);
    return { place, low: 10 ** low, high: highest, log: true };
  }
  const low = Math.min(0, ...values, ...drawn.map(({ value, std }) => value! - std!));
  const high = Math.max(0, highest);
  const width = high > low ? high - low : 1;
  return { place: (value) => (value - low) / width, low, high, log: false };
}

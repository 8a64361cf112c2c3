import type { XAxis } from '../contract';
import { formatDuration, tickNumber, tickNumbers } from '../logic/format';

/** What the x axis is: steps, times, or the values of a metric. */
export type AxisKind = XAxis | 'metric';

export type Range = readonly [number, number];

/** An axis: the values at its ends, and whether it is logarithmic. */
export interface Scale {
  range: Range;
  log: boolean;
}

/** The lines that a range is computed of. */
interface Values {
  x: Float64Array;
  y: Float64Array;
  band?: { x: Float64Array; low: Float64Array; high: Float64Array } | null;
}

export interface YRange {
  range: Range;
  /** How many points (or buckets) have values outside of the range. */
  outside: number;
  /** How many points cannot be drawn because they are zero or negative on a logarithmic axis. */
  notPositive: number;
}

/** How much wider than nearly all values a chart may be before the others are left out. */
const WIDEST = 50;
/** The part of the values on each side that may be left out. */
const TAIL = 0.01;
/** How many values are looked at to find where nearly all of them are. */
const SAMPLE = 20_000;

/** Return the extent of all lines on the x axis, or the window if there is one. */
export function xRange(
  lines: readonly { x: Float64Array; width?: number }[],
  window: Range | null | undefined,
  log = false,
): Range {
  if (window && (!log || window[0] > 0)) {
    return window[0] === window[1] ? [window[0] - 1, window[1] + 1] : window;
  }
  if (log) {
    return positiveRange(lines, window?.[1]);
  }
  let [low, high] = [Infinity, -Infinity];
  for (const { x, width = 0 } of lines) {
    if (x.length > 0) {
      // A bucket is drawn in its middle.
      low = Math.min(low, width > 1 ? Math.floor(x[0]! / width) * width : x[0]!);
      high = Math.max(high, x[x.length - 1]!);
    }
  }
  return low > high ? [0, 1] : low === high ? [low - 1, high + 1] : [low, high];
}

/** A logarithmic axis begins at the first positive position. */
function positiveRange(lines: readonly { x: Float64Array }[], end: number | undefined): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const { x } of lines) {
    const first = x.find((value) => value > 0);
    if (first !== undefined) {
      low = Math.min(low, first);
      high = Math.max(high, x[x.length - 1]!);
    }
  }
  high = end !== undefined && end > low ? Math.min(end, high) : high;
  return low > high ? [1, 10] : low === high ? [low / 2, high * 2] : [low, high];
}

/**
 * Return the range of the y axis for the points in a window of the x axis. With `robust`, a few values that are very far from
 * the others do not flatten the curves: they are left outside and counted.
 */
export function yRange(lines: readonly Values[], [from, to]: Range, log: boolean, robust: boolean): YRange {
  let [low, high, count, notPositive] = [Infinity, -Infinity, 0, 0];
  each(lines, from, to, (value, bottom, top) => {
    if (log && value <= 0) {
      notPositive += 1;
      return;
    }
    count += 1;
    low = Math.min(low, log && bottom <= 0 ? value : bottom);
    high = Math.max(high, top);
  });
  if (count === 0) {
    return { range: log ? [0.1, 10] : [0, 1], outside: 0, notPositive };
  }
  let outside = 0;
  const scale = log ? Math.log10 : (value: number) => value;
  if (robust && count > 10) {
    const sample = new Float64Array(Math.min(count, SAMPLE));
    const stride = count / sample.length;
    let [seen, taken] = [0, 0];
    each(lines, from, to, (value) => {
      if ((!log || value > 0) && seen++ >= taken * stride && taken < sample.length) {
        sample[taken++] = scale(value);
      }
    });
    const sorted = sample.subarray(0, taken).sort();
    const at = (part: number) => sorted[Math.min(taken - 1, Math.max(0, Math.round(part * (taken - 1))))]!;
    // Of few values the outermost ones are more than the tail.
    const tail = Math.max(TAIL, 1.01 / taken);
    const [bottom, top] = [at(tail), at(1 - tail)];
    const span = top - bottom;
    if (span > 0 && scale(high) - scale(low) > WIDEST * span) {
      const [least, most] = [bottom - span / 2, top + span / 2].map((value) => (log ? 10 ** value : value)) as [
        number,
        number,
      ];
      [low, high] = [Math.max(low, least), Math.min(high, most)];
      each(lines, from, to, (value, under, over) => {
        if (!log || value > 0) {
          outside += Number((log && under <= 0 ? value : under) < low || over > high);
        }
      });
    }
  }
  return { range: log ? logMargin(low, high) : margin(low, high), outside, notPositive };
}

function each(
  lines: readonly Values[],
  from: number,
  to: number,
  visit: (value: number, low: number, high: number) => void,
): void {
  for (const { x, y, band } of lines) {
    // The band of a smoothed line belongs to its raw values, which have points of their own.
    const own = band && band.low.length === y.length ? band : null;
    for (let i = 0; i < x.length; i++) {
      const value = y[i]!;
      if (x[i]! < from || x[i]! > to || !Number.isFinite(value)) {
        continue;
      }
      const [low, high] = own ? [own.low[i]!, own.high[i]!] : [value, value];
      visit(value, Number.isFinite(low) ? low : value, Number.isFinite(high) ? high : value);
    }
  }
}

function margin(low: number, high: number): Range {
  if (low === high) {
    const half = (Math.abs(low) || 1) / 2;
    return [low - half, high + half];
  }
  // The difference of two very large numbers may be infinite.
  const space = (high / 2 - low / 2) * 0.1;
  const bounded = (value: number) => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
  return [bounded(low >= 0 && low - space < 0 ? 0 : low - space), bounded(high + space)];
}

/** The range of a logarithmic axis ends near the values, not at whole decades. */
function logMargin(low: number, high: number): Range {
  const factor = low === high ? 2 : (high / low) ** 0.05;
  return [Math.max(low / factor, Number.MIN_VALUE), Math.min(high * factor, Number.MAX_VALUE)];
}

/** Return the ticks of a logarithmic axis: powers of ten, and values between them where there are few. */
export function logTicks([low, high]: Range, most: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Math.log10(high / low);
  const factors = decades < 0.8 ? null : decades * 3 <= most ? [1, 2, 5] : [1];
  if (factors === null) {
    return linearTicks([low, high], most);
  }
  const every = factors.length > 1 ? 1 : Math.max(1, Math.ceil(decades / most));
  const ticks: number[] = [];
  for (let power = Math.ceil(first / every) * every; power <= last; power += every) {
    // 10 ** -5 is 0.000009999999999999999, and Number("1e-5") is not.
    ticks.push(...factors.map((factor) => Number(`${factor}e${power}`)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** Return about `most` round values between two others. */
export function linearTicks([low, high]: Range, most: number): number[] {
  const raw = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high && ticks.length < 50; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Return the labels of ticks on the x axis. */
export function xTicks(splits: readonly number[], axis: AxisKind): string[] {
  if (axis === 'metric') {
    return tickNumbers(splits);
  }
  return splits.map((value) =>
    axis === 'relative' ? shortDuration(value) : Number.isInteger(value) ? spaced(value) : '',
  );
}

function spaced(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

function shortDuration(seconds: number): string {
  if (Math.abs(seconds) >= 3600) {
    return `${Number((seconds / 3600).toFixed(2))} h`;
  }
  return Math.abs(seconds) >= 120 ? `${Number((seconds / 60).toFixed(2))} min` : `${tickNumber(seconds)} s`;
}

/** Return a position on the x axis in words: a step, a time, a duration, or the bucket around it. */
export function xPosition(x: number, axis: AxisKind, width = 0, metric = ''): string {
  if (axis === 'metric') {
    return `${metric} ${tickNumber(x)}`;
  }
  if (axis === 'time') {
    return new Date(x).toLocaleString();
  }
  if (axis === 'relative') {
    return formatDuration(x * 1000);
  }
  if (width > 1) {
    const first = Math.floor(x / width) * width;
    return `steps ${spaced(first)} to ${spaced(first + width - 1)}`;
  }
  return `step ${spaced(Number.isInteger(x) ? x : Number(x.toFixed(1)))}`;
}

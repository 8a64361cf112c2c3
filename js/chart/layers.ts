import { BASELINE } from '../style/theme';
import type { Scale } from './scales';

/** One line of a chart: x ascending, y of the same length. A value that is not finite is a gap. */
export interface Line {
  id: string;
  label: string;
  /** Color and dash. */
  slot: number;
  /** Another dash than that of the slot, by its position in the dashes. */
  dash?: number;
  /** What the line belongs to, if several lines belong to the same run: its ID. Otherwise it is `id`. */
  mark?: string;
  x: Float64Array;
  y: Float64Array;
  /** The values before smoothing, which are drawn pale behind the line. */
  raw?: { x: Float64Array; y: Float64Array } | null;
  /** The lowest and highest values around each point of `raw`, or of the line if there is no `raw`. */
  band?: { x: Float64Array; low: Float64Array; high: Float64Array } | null;
  /** What one point of the line stands for: 0 is a point of the run, otherwise the width of a bucket. */
  width?: number;
  count?: Float64Array | null;
  /** What `count` counts, if not points. */
  counted?: 'run';
  /** The places of values that cannot be drawn: NaN and infinity. */
  odd?: { x: Float64Array; value: Float64Array } | null;
  /** Which differences are better, if the line shows differences from another one. */
  better?: 'higher' | 'lower' | undefined;
  /** Whether the line is drawn pale, behind the others, and is not found by the pointer. */
  faint?: boolean;
}

/** Return whether a line is that of the run or group that the others are compared with. */
export function isBaseline(line: Line): boolean {
  return line.slot === BASELINE && !line.faint;
}

/** Return what a line belongs to. */
export function markOf(line: Line): string {
  return line.mark ?? line.id;
}

/** The part of a canvas that a chart is drawn on, in its own pixels. */
export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where values are on the canvas. */
export interface Places {
  area: Area;
  x: Scale;
  y: Scale;
}

/** Return the index of the first value of an ascending array that is not below `value`. */
export function indexAt(values: Float64Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Return the indices of the points in a window, with one more on each side so that a line reaches the edge. */
export function within(x: Float64Array, [from, to]: readonly [number, number]): [number, number] {
  return [Math.max(0, indexAt(x, from) - 1), Math.min(x.length, indexAt(x, to) + 1)];
}

/** Draw a line in the current style. A single point between gaps is drawn as a dot. */
export function drawLine(context: CanvasRenderingContext2D, places: Places, x: Float64Array, y: Float64Array): void {
  const [toX, toY] = [pixels(places.x, places.area, 'x'), pixels(places.y, places.area, 'y')];
  const [start, end] = within(x, places.x.range);
  const alone: [number, number][] = [];
  context.beginPath();
  let drawn = 0;
  for (let i = start; i < end; i++) {
    const value = y[i]!;
    if (!isDrawn(value, places.y)) {
      if (drawn === 1) {
        alone.push([toX(x[i - 1]!), toY(y[i - 1]!)]);
      }
      drawn = 0;
      continue;
    }
    const [px, py] = [toX(x[i]!), toY(value)];
    if (drawn === 0) {
      context.moveTo(px, py);
    } else {
      context.lineTo(px, py);
    }
    drawn += 1;
    if (drawn === 1 && i === end - 1) {
      alone.push([px, py]);
    }
  }
  context.stroke();
  for (const [px, py] of alone) {
    context.beginPath();
    context.arc(px, py, Math.max(2, context.lineWidth * 1.5), 0, 2 * Math.PI);
    context.fill();
  }
}

/** Fill the area between the lowest and the highest values. */
export function drawBand(
  context: CanvasRenderingContext2D,
  places: Places,
  x: Float64Array,
  low: Float64Array,
  high: Float64Array,
): void {
  const [toX, toY] = [pixels(places.x, places.area, 'x'), pixels(places.y, places.area, 'y')];
  const [start, end] = within(x, places.x.range);
  const bottom = (value: number) => (places.y.log && value <= 0 ? places.y.range[0] : value);
  let from = start;
  while (from < end) {
    while (from < end && !isDrawn(high[from]!, places.y)) {
      from += 1;
    }
    let to = from;
    while (to < end && isDrawn(high[to]!, places.y)) {
      to += 1;
    }
    if (to > from) {
      context.beginPath();
      for (let i = from; i < to; i++) {
        context.lineTo(toX(x[i]!), toY(high[i]!));
      }
      for (let i = to - 1; i >= from; i--) {
        context.lineTo(toX(x[i]!), toY(bottom(low[i]!)));
      }
      context.fill();
    }
    from = to;
  }
}

/** Mark values that cannot be drawn at the edge: NaN and minus infinity at the bottom, infinity at the top. */
export function drawOdd(
  context: CanvasRenderingContext2D,
  places: Places,
  { x, value }: { x: Float64Array; value: Float64Array },
  size: number,
): void {
  const { area } = places;
  const toX = pixels(places.x, area, 'x');
  const [start, end] = [indexAt(x, places.x.range[0]), within(x, places.x.range)[1]];
  for (let i = start; i < end && x[i]! <= places.x.range[1]; i++) {
    const px = toX(x[i]!);
    context.beginPath();
    if (Number.isNaN(value[i]!)) {
      const py = area.top + area.height - size;
      context.moveTo(px - size / 2, py - size / 2);
      context.lineTo(px + size / 2, py + size / 2);
      context.moveTo(px + size / 2, py - size / 2);
      context.lineTo(px - size / 2, py + size / 2);
      context.stroke();
    } else {
      const [tip, base] =
        value[i]! > 0
          ? [area.top + 1, area.top + 1 + size]
          : [area.top + area.height - 1, area.top + area.height - 1 - size];
      context.moveTo(px, tip);
      context.lineTo(px - size * 0.6, base);
      context.lineTo(px + size * 0.6, base);
      context.fill();
    }
  }
}

export function isDrawn(value: number, { log }: Scale): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

/** Return a function from values to pixels. Values far outside of the chart are drawn at its edge, where nobody sees them. */
export function pixels({ range, log }: Scale, area: Area, side: 'x' | 'y'): (value: number) => number {
  const [from, to] = log ? [Math.log(range[0]), Math.log(range[1])] : range;
  const size = side === 'x' ? area.width : -area.height;
  const start = side === 'x' ? area.left : area.top + area.height;
  const factor = size / (to - from || 1);
  const most = 1e5;
  return (value) => {
    const pixel = start + ((log ? Math.log(value) : value) - from) * factor;
    return Math.min(most, Math.max(-most, pixel));
  };
}

/** The point of a line that is nearest to a position on the canvas. */
export interface Found {
  line: number;
  index: number;
  distance: number;
}

/** Return the line that is nearest to a position, at the point of it that is nearest in x. */
export function nearest(lines: readonly Line[], places: Places, px: number, py: number): Found | null {
  const toX = pixels(places.x, places.area, 'x');
  const toY = pixels(places.y, places.area, 'y');
  const x = valueAt(places.x, (px - places.area.left) / places.area.width);
  let best: Found | null = null;
  lines.forEach((line, i) => {
    const index = line.faint ? -1 : pointAt(line, x, places);
    if (index === -1) {
      return;
    }
    const sideways = Math.max(0, Math.abs(toX(line.x[index]!) - px) - 20);
    const distance = Math.hypot(toY(line.y[index]!) - py, sideways);
    if (!best || distance < best.distance) {
      best = { line: i, index, distance };
    }
  });
  return best;
}

/** A line at a position of the x axis, for a list of them. */
export interface Valued {
  line: Line;
  /** NaN if the line does not reach there. */
  value: number;
  index: number;
}

/**
 * Return the value of each line at a position of the x axis, the highest first, or the lowest. Lines that do not reach there
 * come last.
 */
export function valuesAt(lines: readonly Line[], x: number, lowestFirst = false): Valued[] {
  const found: Valued[] = [];
  for (const line of lines) {
    if (!line.faint) {
      const index = finiteNear(line, x);
      found.push({ line, index, value: index === -1 ? NaN : line.y[index]! });
    }
  }
  return sorted(found, lowestFirst);
}

/** Return the last finite value of each line in a window, the highest first, or the lowest. Lines without one come last. */
export function lastValues(
  lines: readonly Line[],
  window: readonly [number, number] | null = null,
  lowestFirst = false,
): Valued[] {
  const [from, to] = window ?? [-Infinity, Infinity];
  const found: Valued[] = [];
  for (const line of lines) {
    if (!line.faint) {
      const reach = (line.width ?? 0) / 2;
      let index = line.y.length - 1;
      while (index >= 0 && (line.x[index]! - reach > to || !Number.isFinite(line.y[index]!))) {
        index -= 1;
      }
      index = index >= 0 && line.x[index]! + reach >= from ? index : -1;
      found.push({ line, index, value: index === -1 ? NaN : line.y[index]! });
    }
  }
  return sorted(found, lowestFirst);
}

function sorted(found: Valued[], lowestFirst: boolean): Valued[] {
  const side = lowestFirst ? 1 : -1;
  return found.sort(({ value: a }, { value: b }) =>
    Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : side * (a - b),
  );
}

/** Return the index of the point of a line that is nearest to x, or -1 if x is before its first or after its last point. */
function finiteNear({ x: xs, y, width = 0 }: Line, x: number): number {
  const [count, reach] = [xs.length, width / 2];
  if (count === 0 || x < xs[0]! - reach || x > xs[count - 1]! + reach) {
    return -1;
  }
  const start = indexAt(xs, x);
  const near = start === count || (start > 0 && x - xs[start - 1]! < xs[start]! - x) ? start - 1 : start;
  for (let by = 0; by < count; by++) {
    for (const index of [near - by, near + by]) {
      if (index >= 0 && index < count && Number.isFinite(y[index]!)) {
        return index;
      }
    }
  }
  return -1;
}

/** Return the value at a part of an axis, from 0 to 1. */
export function valueAt({ range: [from, to], log }: Scale, part: number): number {
  return log ? Math.exp(Math.log(from) + part * Math.log(to / from)) : from + part * (to - from);
}

/** Return the index of the point of a line in the chart that is nearest to x, or -1. */
export function pointAt({ x: xs, y }: Line, x: number, { x: scale, y: values }: Places): number {
  const shown = (i: number) => xs[i]! >= scale.range[0] && xs[i]! <= scale.range[1] && isDrawn(y[i]!, values);
  const start = indexAt(xs, x);
  let [left, right] = [start - 1, start];
  while (left >= 0 && xs[left]! >= scale.range[0] && !shown(left)) {
    left -= 1;
  }
  while (right < xs.length && xs[right]! <= scale.range[1] && !shown(right)) {
    right += 1;
  }
  const isLeft = left >= 0 && shown(left);
  const isRight = right < xs.length && shown(right);
  if (isLeft && isRight) {
    return x - xs[left]! < xs[right]! - x ? left : right;
  }
  return isLeft ? left : isRight ? right : -1;
}

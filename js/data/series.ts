import type { Answer } from '../connection/connection';
import type { Series } from '../contract';

/** One metric of one run: its points, or the means of buckets of them. */
export interface Curve {
  run_id: string;
  key: string;
  /** Null in notebooks saved by earlier versions. */
  name: string | null;
  x: Float64Array;
  y: Float64Array;
  /** The lowest and the highest value of each bucket, and how many finite ones it has. Null if `y` has the points. */
  low: Float64Array | null;
  high: Float64Array | null;
  count: Float64Array | null;
  /** The width of the buckets. 0 if `y` has the points. */
  width: number;
  /** How many points the run has in the range. */
  total: number;
  /** How many of them are NaN, and how many infinite. */
  nan: number;
  infinite: number;
  /** The places of these on the x axis, and their values. Null if they were not sent. */
  odd: { x: Float64Array; value: Float64Array } | null;
  /** Whether there are more points than `y` has, so that a window of it has more of them. */
  isThinned: boolean;
  /** How many points have a value of the metric on the x axis. Null if there is none. */
  joined: number | null;
  version: string;
}

/** Return the curves of an answer. */
export function curvesOf({ reply, buffers }: Answer<'curves'>): Curve[] {
  return reply.series.flatMap((series, i) => {
    const curve = curveOf(series, buffers, i);
    return curve ? [curve] : [];
  });
}

/** Return the i-th series of a reply with its buffers, or null if they were not sent. */
export function curveOf(series: Series, buffers: readonly Float64Array[], i: number): Curve | null {
  const [x, y] = [buffers[2 * i], buffers[2 * i + 1]];
  if (!x || !y) {
    return null;
  }
  const of = (place: number) => (series.envelope === undefined ? null : (buffers[series.envelope + place] ?? null));
  const [nan, infinite] = series.nan === undefined ? oddOf(y) : [series.nan, series.pos_inf! + series.neg_inf!];
  const { run_id, key, total, run_name = null, version = '' } = series;
  const isThinned = Boolean(series.width);
  // On the axis of another metric, buckets of steps have no width.
  const width = series.joined === undefined ? (series.width ?? 0) : 0;
  return {
    run_id,
    key,
    name: run_name,
    x,
    y,
    low: of(0),
    high: of(1),
    count: of(2),
    width,
    total,
    nan,
    infinite,
    odd: isThinned || series.odd !== undefined ? sentOdd(series, buffers) : nan + infinite > 0 ? oddPoints(x, y) : null,
    isThinned,
    joined: series.joined ?? null,
    version,
  };
}

/** Return the places of a series' values that are not finite, and the values. Null if they were not sent. */
export function sentOdd({ odd }: { odd?: number }, buffers: readonly Float64Array[]): Curve['odd'] {
  const [x, kind] = odd === undefined ? [] : [buffers[odd], buffers[odd + 1]];
  return x && kind ? { x, value: kind.map((sign) => (sign === 0 ? NaN : sign * Infinity)) } : null;
}

function oddPoints(x: Float64Array, y: Float64Array): Curve['odd'] {
  const isOdd = (_: number, i: number) => !Number.isFinite(y[i]!);
  return { x: x.filter(isOdd), value: y.filter((value) => !Number.isFinite(value)) };
}

function oddOf(values: Float64Array): [number, number] {
  let [nan, infinite] = [0, 0];
  for (const value of values) {
    nan += Number(Number.isNaN(value));
    infinite += Number(Math.abs(value) === Infinity);
  }
  return [nan, infinite];
}

/**
 * Return a curve with the points of a window in the place of its own. Outside of the window it keeps its own, so that lines
 * reach the edge of the chart.
 */
export function spliced(whole: Curve, part: Curve | null | undefined): Curve {
  if (!part || part.x.length === 0) {
    return whole;
  }
  const [first, last] = [part.x[0]! - part.width / 2, part.x[part.x.length - 1]! + part.width / 2];
  const from = whole.x.findIndex((x) => x + whole.width / 2 > first);
  const before = from === -1 ? whole.x.length : from;
  let after = whole.x.findIndex((x) => x - whole.width / 2 >= last);
  after = after === -1 ? whole.x.length : Math.max(after, before);
  const join = (of: (curve: Curve) => Float64Array) => {
    const [a, b] = [of(whole), of(part)];
    const joined = new Float64Array(before + b.length + (a.length - after));
    joined.set(a.subarray(0, before));
    joined.set(b, before);
    joined.set(a.subarray(after), before + b.length);
    return joined;
  };
  return {
    ...part,
    x: join((curve) => curve.x),
    y: join((curve) => curve.y),
    low: join((curve) => curve.low ?? curve.y),
    high: join((curve) => curve.high ?? curve.y),
    count: join((curve) => curve.count ?? curve.y.map((value) => Number(Number.isFinite(value)))),
  };
}

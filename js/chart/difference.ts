import { indexAt, type Line } from './layers';

/** A curve: x ascending, y of the same length. Its points are those of buckets if they have a width. */
export type Reference = Pick<Line, 'x' | 'y' | 'width'>;

/**
 * Return the values of a curve at ascending positions, interpolated linearly between its points. It has no value (NaN) before
 * its first and after its last point or bucket, and beside a gap.
 */
export function valuesBetween(reference: Reference, at: Float64Array): Float64Array {
  const { x, y } = reference;
  const values = new Float64Array(at.length).fill(NaN);
  const last = x.length - 1;
  const [from, to] = reachOf(reference);
  let next = 0;
  at.forEach((place, i) => {
    while (next <= last && x[next]! < place) {
      next += 1;
    }
    if (place < from || place > to) {
      return;
    }
    if (next === 0 || x[next] === place) {
      values[i] = y[next]!;
    } else if (next > last) {
      values[i] = y[last]!;
    } else {
      const part = (place - x[next - 1]!) / (x[next]! - x[next - 1]!);
      values[i] = y[next - 1]! + part * (y[next]! - y[next - 1]!);
    }
  });
  return values;
}

/**
 * Return a line as its difference from another one at the same positions: its values, the band around them, and the values
 * before smoothing. It has the positions that the other line reaches to. `better` says which differences are better.
 */
export function differenceFrom(line: Line, reference: Reference, better?: Line['better']): Line {
  const parts = new Map<Float64Array, Part>();
  const partOf = (x: Float64Array) => {
    const part = parts.get(x) ?? partIn(x, reference);
    parts.set(x, part);
    return part;
  };
  const minus = (x: Float64Array, values: Float64Array) => {
    const { start, end, there } = partOf(x);
    return values.slice(start, end).map((value, i) => value - there[i]!);
  };
  const { x, y, raw, band, count } = line;
  const { start, end } = partOf(x);
  return {
    ...line,
    x: partOf(x).x,
    y: minus(x, y),
    ...(count && { count: count.slice(start, end) }),
    ...(raw && { raw: { x: partOf(raw.x).x, y: minus(raw.x, raw.y) } }),
    ...(band && { band: { x: partOf(band.x).x, low: minus(band.x, band.low), high: minus(band.x, band.high) } }),
    better,
  };
}

/** The positions of a curve that another one reaches to, and the values of that one there. */
interface Part {
  start: number;
  end: number;
  x: Float64Array;
  there: Float64Array;
}

function partIn(positions: Float64Array, reference: Reference): Part {
  const [from, to] = reachOf(reference);
  const start = indexAt(positions, from);
  let end = start;
  while (end < positions.length && positions[end]! <= to) {
    end += 1;
  }
  const x = positions.slice(start, end);
  return { start, end, x, there: valuesBetween(reference, x) };
}

/** Return the ends of a curve. Its first and its last bucket reach beyond the middles that they are drawn at. */
function reachOf({ x, width = 0 }: Reference): readonly [number, number] {
  return x.length === 0 ? [Infinity, -Infinity] : [x[0]! - width / 2, x[x.length - 1]! + width / 2];
}

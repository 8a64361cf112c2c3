/** One line of a chart: x ascending, y of the same length. */
export interface Line {
  x: Float64Array;
  y: Float64Array;
}

export interface Aligned {
  /** The x values of all lines. */
  x: number[];
  /** One row for each line. Undefined if the line has no point at this x (it is connected), null if it has a gap. */
  y: (number | null | undefined)[][];
  /** Number of points that cannot be drawn: NaN, infinite, or not positive on a logarithmic axis. */
  hidden: number;
}

/** Align lines on a common x axis, as uPlot requires. */
export function align(lines: Line[], log: boolean): Aligned {
  const x = Float64Array.from(new Set(lines.flatMap((line) => Array.from(line.x)))).sort();
  const index = new Map(Array.from(x, (value, i) => [value, i]));
  let hidden = 0;
  const y = lines.map((line) => {
    const row = new Array<number | null | undefined>(x.length);
    line.x.forEach((value, i) => {
      const y = line.y[i]!;
      const drawn = Number.isFinite(y) && (!log || y > 0);
      hidden += drawn ? 0 : 1;
      row[index.get(value)!] = drawn ? y : null;
    });
    return row;
  });
  return { x: Array.from(x), y, hidden };
}

/** Return how many points to request for each series. The aligned table grows with the square of the number of runs. */
export function pointsFor(runs: number): number {
  return Math.round(Math.min(1000, Math.max(60, 2_000_000 / Math.max(1, runs) ** 2)));
}

/** Return the line whose value is nearest to `y` around index `at`. `toPx` converts values to pixels. */
export function nearest(
  aligned: Aligned,
  lines: number[],
  at: number,
  y: number,
  toPx: (value: number) => number,
): { line: number; index: number; distance: number } | null {
  let best: { line: number; index: number; distance: number } | null = null;
  for (const line of lines) {
    const index = nearestPoint(aligned.y[line]!, at);
    if (index === -1) {
      continue;
    }
    const distance = Math.abs(toPx(aligned.y[line]![index]!) - y);
    if (!best || distance < best.distance) {
      best = { line, index, distance };
    }
  }
  return best;
}

function nearestPoint(row: (number | null | undefined)[], at: number): number {
  for (let reach = 0; reach < row.length; reach++) {
    if (row[at - reach] != null) {
      return at - reach;
    }
    if (row[at + reach] != null) {
      return at + reach;
    }
  }
  return -1;
}

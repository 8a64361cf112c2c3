import type { Answer } from '../connection/connection';
import type { LiveReply, Series } from '../contract';
import { type Curve, curveOf } from './series';

type Curves = ReadonlyMap<string, Curve>;

/**
 * The curves of a run that is active. A push has only what the push before it lacks, so one that does not continue the last
 * one is refused, and all points must be requested. A curve that has not changed stays the same object.
 */
export class LiveCurves {
  own: Curves = new Map();
  best: Curves = new Map();
  /** The number of the last push, or null if the points are those of an answer, which no push continues. */
  push: number | null = null;

  /** Take the curves of an answer or a push. Returns false, and changes nothing, if it continues a push that is not here. */
  take({ reply, buffers }: Answer<'live'>): boolean {
    const { push = null, after = null, series, best_series = [] } = reply;
    if (after !== null && after !== this.push) {
      return false;
    }
    const own = curvesOf(series, buffers, 0, this.own);
    const best = curvesOf(best_series, buffers, series.length, this.best);
    if (!own || !best) {
      return false;
    }
    this.own = own;
    this.best = best;
    this.push = push;
    return true;
  }
}

/** Return the curves of some series by metric, or null if points that they continue are not here. */
function curvesOf(
  series: LiveReply['series'],
  buffers: readonly Float64Array[],
  first: number,
  before: Curves,
): Curves | null {
  const found = new Map<string, Curve>();
  for (const [i, one] of series.entries()) {
    const curve = one.kept === undefined ? curveOf(one, buffers, first + i) : grown(one, buffers, first + i, before);
    if (one.kept !== undefined && !curve) {
      return null;
    }
    if (curve) {
      found.set(one.key, curve);
    }
  }
  return found;
}

/** Return a curve with the points after those that stay, or null if they are not here. */
function grown(series: Series, buffers: readonly Float64Array[], i: number, before: Curves): Curve | null {
  const [old, x, y] = [before.get(series.key), buffers[2 * i], buffers[2 * i + 1]];
  const kept = series.kept ?? 0;
  if (!old || !x || !y || old.run_id !== series.run_id || old.x.length < kept) {
    return null;
  }
  if (x.length === 0 && kept === old.x.length && series.total === old.total) {
    return old;
  }
  return curveOf(series, [appended(old.x, kept, x), appended(old.y, kept, y)], 0);
}

function appended(old: Float64Array, kept: number, more: Float64Array): Float64Array {
  const all = new Float64Array(kept + more.length);
  all.set(old.subarray(0, kept));
  all.set(more, kept);
  return all;
}

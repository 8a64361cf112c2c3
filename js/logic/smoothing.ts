/** How many points of memory a series has at most: a longer one forgets by parts of its length. */
const MOST_STEPS = 500;

/**
 * Return the exponential moving average of a whole series with the bias correction of Adam (Kingma and Ba 2015), so that the
 * first points are not drawn towards zero.
 *
 * `weight` is what is left of a value after one step, 0 keeps the curve. A step is the mean distance of two points, or 1/500 of
 * the series if it has more than 500 points. So the same series is smoothed in the same way however its points are summarized.
 * Values that are not finite are kept and ignored in the mean.
 */
export function smooth(x: ArrayLike<number>, y: ArrayLike<number>, weight: number, total: number): Float64Array {
  const result = new Float64Array(y.length);
  const span = x.length > 0 ? x[x.length - 1]! - x[0]! : 0;
  const step = span / Math.min(MOST_STEPS, Math.max(1, total - 1));
  let sum = 0;
  let weights = 0;
  let last: number | null = null;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value) || weight <= 0) {
      result[i] = value;
      continue;
    }
    const distance = last === null || step === 0 || x[i]! === last ? 1 : (x[i]! - last) / step;
    const left = weight ** distance;
    sum = left * sum + (1 - left) * value;
    weights = left * weights + (1 - left);
    last = x[i]!;
    result[i] = sum / weights;
  }
  return result;
}

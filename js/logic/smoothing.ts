/**
 * Exponential moving average, corrected for its start as Adam corrects its moments, so that the first points are not
 * drawn towards zero. `weight` 0 leaves the curve as it is. A value that is not finite stays, and is left out of the mean.
 */
export function smooth(values: ArrayLike<number>, weight: number): Float64Array {
  const result = new Float64Array(values.length);
  let mean = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      result[i] = value;
      continue;
    }
    mean = weight * mean + (1 - weight) * value;
    count += 1;
    result[i] = weight > 0 ? mean / (1 - weight ** count) : value;
  }
  return result;
}

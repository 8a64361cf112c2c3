/**
 * Return the exponential moving average with the bias correction of Adam (Kingma and Ba 2015), so that the first points
 * are not drawn towards zero. `weight` 0 keeps the curve. Values that are not finite are kept and ignored in the mean.
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

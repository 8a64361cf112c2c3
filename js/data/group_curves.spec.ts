import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asCurve, type GroupCurve } from './group_curves';

const of = (...values: number[]) => Float64Array.from(values);
const found: GroupCurve = {
  ...{ group: 's:adam', metric: 'loss', x: of(0, 1), mean: of(10, 5), std: of(2, NaN), n: of(4, 1) },
  ...{ low: of(7, 5), high: of(13, 5), width: 1, runs: 4, total: 5, nan: 0, infinite: 0, odd: null },
};

test('a band is that of the statistic, and no wider than the mean where a single run is left', () => {
  const bands = (['std', 'sem', 'range'] as const).map((band) => {
    const { low, high } = asCurve(found, band);
    return [[...low!], [...high!]];
  });
  assert.deepEqual(bands, [
    [
      [8, 5],
      [12, 5],
    ],
    [
      [9, 5],
      [11, 5],
    ],
    [
      [7, 5],
      [13, 5],
    ],
  ]);
  assert.equal(asCurve(found, 'sem'), asCurve(found, 'sem'), 'The same curve is drawn once.');
});

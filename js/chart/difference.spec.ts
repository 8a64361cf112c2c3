import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceFrom, valuesBetween } from './difference';
import type { Line } from './layers';

const of = (...values: number[]) => Float64Array.from(values);
const line = (x: Float64Array, y: Float64Array, more: Partial<Line> = {}): Line => ({
  ...{ id: 'a', label: 'a', slot: 0, x, y, band: null },
  ...more,
});
const from = (a: Line, b: Line) => [...differenceFrom(a, b).y];

test('on the same grid, points are subtracted one by one', () => {
  const x = of(0, 10, 20);
  assert.deepEqual(from(line(x, of(5, 7, 9)), line(of(0, 10, 20), of(1, 8, 4))), [4, -1, 5]);
  assert.deepEqual(from(line(x, of(5, 7, 9)), line(x, of(5, 7, 9))), [0, 0, 0]);
});

test('between the points of the baseline, its value is interpolated, and outside of its range nothing is drawn', () => {
  // The baseline rises from 0 to 10 between steps 10 and 20, and falls to 6 at step 40.
  const base = line(of(10, 20, 40), of(0, 10, 6));
  const run = line(of(5, 10, 15, 20, 30, 40, 50), of(1, 1, 1, 1, 1, 1, 1));
  assert.deepEqual(from(run, base), [1, -4, -9, -7, -5]);
  assert.deepEqual([...differenceFrom(run, base).x], [10, 15, 20, 30, 40]);
  const shorter = line(of(12, 14), of(3, 3));
  assert.deepEqual(from(shorter, base), [1, -1]);
  assert.deepEqual(from(base, shorter), []);
});

test('gaps of both stay gaps, up to the next point', () => {
  const base = line(of(0, 10, 20, 30), of(1, NaN, 3, Infinity));
  assert.deepEqual(from(line(of(0, 5, 10, 15, 20), of(2, 2, 2, 2, 2)), base), [1, NaN, NaN, NaN, -1]);
  assert.deepEqual(from(line(of(0, 20), of(NaN, Infinity)), base), [NaN, Infinity]);
});

test('a baseline of one point is compared at that point, and one of none nowhere', () => {
  const run = line(of(0, 1, 2), of(4, 5, 6));
  assert.deepEqual(from(run, line(of(1), of(2))), [3]);
  assert.deepEqual(from(run, line(of(), of())), []);
  assert.deepEqual(from(line(of(), of()), run), []);
});

test('the first and the last bucket reach beyond their middles', () => {
  // Buckets of the steps 0 to 3 and 4 to 7.
  const base = line(of(1.5, 5.5), of(2, 6), { width: 4 });
  assert.deepEqual([...valuesBetween(base, of(-1, 0, 1.5, 3.5, 5.5, 7, 8))], [NaN, 2, 2, 4, 6, 6, NaN]);
});

test('the band of a group and the values before smoothing are moved by the value of the baseline there', () => {
  const x = of(0, 10, 20);
  const group = line(x, of(5, 6, 7), {
    ...{
      band: { x, low: of(4, 3, 7), high: of(6, 9, 7) },
      raw: { x: of(-1, 0, 5), y: of(8, 8, 8) },
      count: of(3, 2, 1),
    },
  });
  const base = line(of(0, 10), of(2, 4), { band: { x, low: of(1, 1, 1), high: of(9, 9, 9) } });
  const found = differenceFrom(group, base, 'lower');
  assert.deepEqual([...found.y], [3, 2]);
  assert.deepEqual(
    [found.band!.low, found.band!.high, found.raw!.y].map((values) => [...values]),
    [
      [2, -1],
      [4, 5],
      [6, 5],
    ],
  );
  assert.deepEqual(
    [[...found.x], [...found.raw!.x], [...found.count!]],
    [
      [0, 10],
      [0, 5],
      [3, 2],
    ],
  );
  assert.equal(found.band!.x, found.x, 'The band is that of the points.');
  assert.equal(found.better, 'lower');
  assert.deepEqual([...group.y], [5, 6, 7], 'The line itself stays.');
});

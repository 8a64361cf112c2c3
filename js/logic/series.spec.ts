import assert from 'node:assert/strict';
import { test } from 'node:test';
import { align, nearest, pointsFor } from './series';
import { smooth } from './smoothing';

const line = (x: number[], y: number[]) => ({ x: Float64Array.from(x), y: Float64Array.from(y) });

test('lines are aligned on one axis: a missing point is not a gap, but NaN is', () => {
  const aligned = align([line([0, 2], [1, 3]), line([1, 2], [NaN, 5])], false);
  assert.deepEqual(aligned.x, [0, 1, 2]);
  assert.deepEqual([...aligned.y[0]!], [1, undefined, 3]);
  assert.deepEqual([...aligned.y[1]!], [undefined, null, 5]);
  assert.equal(aligned.hidden, 1);
});

test('a logarithmic axis hides points that are not positive, and counts them', () => {
  assert.equal(align([line([0, 1, 2], [0, -1, 2])], true).hidden, 2);
});

test('the nearest line is found at an x where it has no point', () => {
  const aligned = align([line([0, 10], [1, 1]), line([5], [9])], false);
  const found = nearest(aligned, [0, 1], 1, 2, (value) => value);
  assert.equal(found?.line, 0);
  assert.equal(aligned.x[found!.index], 0);
});

test('many runs ask for fewer points, so that the aligned table stays small', () => {
  assert.equal(pointsFor(1), 1000);
  assert.ok(pointsFor(200) * 200 * 200 <= 2_500_000);
});

test('smoothing starts at the first value, and follows a constant exactly', () => {
  const smoothed = smooth([5, 5, 5, 5], 0.9);
  assert.ok(smoothed.every((value) => Math.abs(value - 5) < 1e-12));
  assert.equal(smooth([2, 8], 0.5)[0], 2);
  assert.equal(smooth([2, 8], 0.5)[1], 6);
});

test('smoothing keeps a value that is not finite, and ignores it in the mean', () => {
  const smoothed = smooth([1, NaN, 1], 0.9);
  assert.ok(Number.isNaN(smoothed[1]));
  assert.ok(Math.abs(smoothed[2]! - 1) < 1e-12);
});

test('weight 0 keeps the curve as it is', () => {
  assert.deepEqual([...smooth([3, 1, 2], 0)], [3, 1, 2]);
});

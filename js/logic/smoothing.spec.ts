import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smooth } from './smoothing';

test('a constant series stays as it is, also at its start', () => {
  const found = smooth([0, 1, 2], [3, 3, 3], 0.9, 3);
  assert.ok(found.every((value) => Math.abs(value - 3) < 1e-12));
});

test('weight 0 keeps the values, and values that are not finite are kept and ignored', () => {
  assert.deepEqual([...smooth([0, 1], [1, 2], 0, 2)], [1, 2]);
  assert.deepEqual([...smooth([0, 1, 2], [4, NaN, 4], 0.5, 3)], [4, NaN, 4]);
});

test('points at equal distances are averaged as TensorBoard does', () => {
  const values = [1, 0, 2, 5];
  const expected: number[] = [];
  let mean = 0;
  values.forEach((value, i) => {
    mean = 0.6 * mean + 0.4 * value;
    expected.push(mean / (1 - 0.6 ** (i + 1)));
  });
  const found = smooth([0, 10, 20, 30], values, 0.6, 4);
  assert.ok(expected.every((value, i) => Math.abs(value - found[i]!) < 1e-12));
});

test('a long series is smoothed in the same way at any resolution', () => {
  const x = Float64Array.from({ length: 32_768 }, (_, i) => i);
  const y = x.map((step) => Math.sin(step / 3000) + step / 30_000);
  const means = (width: number) => {
    const size = x.length / width;
    const of = (values: Float64Array) =>
      Float64Array.from({ length: size }, (_, i) =>
        values.subarray(i * width, (i + 1) * width).reduce((sum, value) => sum + value / width, 0),
      );
    return [of(x), of(y)] as const;
  };
  const fine = smooth(...means(32), 0.97, x.length);
  const coarse = smooth(...means(64), 0.97, x.length);
  for (let i = 0; i < coarse.length; i++) {
    assert.ok(Math.abs(coarse[i]! - (fine[2 * i]! + fine[2 * i + 1]!) / 2) < 0.01, `${i}`);
  }
});

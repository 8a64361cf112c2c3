import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexAt, type Line, nearest, type Places, pixels, pointAt, within } from './layers';

const line = (id: string, ...values: number[]): Line => ({
  ...{ id, label: id, slot: 0 },
  x: Float64Array.from(values, (_, i) => i * 10),
  y: Float64Array.from(values),
});
const places: Places = {
  area: { left: 0, top: 0, width: 100, height: 100 },
  x: { range: [0, 100], log: false },
  y: { range: [0, 10], log: false },
};

test('a value is found by halving', () => {
  const values = Float64Array.of(1, 3, 3, 8);
  assert.deepEqual(
    [0, 1, 2, 3, 8, 9].map((value) => indexAt(values, value)),
    [0, 0, 1, 1, 3, 4],
  );
  assert.deepEqual(within(values, [2, 4]), [0, 4]);
});

test('the nearest line is found at the nearest point that is drawn', () => {
  const lines = [line('low', 1, 1, NaN, 1, 1), line('high', 9, 9, 9, 9, 9)];
  assert.deepEqual(nearest(lines, places, 21, 15), { line: 1, index: 2, distance: 5 });
  assert.equal(nearest(lines, places, 21, 95)?.line, 0);
  assert.equal(pointAt(lines[0]!, 22, places), 3);
  assert.equal(pointAt(line('none', NaN), 0, places), -1);
  assert.equal(nearest([], places, 0, 0), null);
});

test('pixels follow linear and logarithmic axes, and far values stay finite', () => {
  const area = { left: 10, top: 0, width: 100, height: 50 };
  assert.equal(pixels({ range: [0, 10], log: false }, area, 'x')(5), 60);
  assert.equal(pixels({ range: [0.01, 1], log: true }, area, 'y')(0.1), 25);
  assert.ok(Number.isFinite(pixels({ range: [0, 1], log: false }, area, 'y')(1e308)));
});

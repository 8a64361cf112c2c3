import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  drawOdd,
  indexAt,
  type Line,
  lastValues,
  nearest,
  type Places,
  pixels,
  pointAt,
  valueAt,
  valuesAt,
  within,
} from './layers';

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

test('values are listed at a position, or the last ones of a window, without lines that are only background', () => {
  const lines = [
    line('low', 1, 2, NaN),
    line('short', 7),
    { ...line('behind', 9, 9, 9), faint: true },
    line('high', 5, 6, 8),
  ];
  const named = (values: ReturnType<typeof valuesAt>) => values.map(({ line, value }) => [line.id, value]);
  assert.deepEqual(named(valuesAt(lines, 11)), [
    ['high', 6],
    ['low', 2],
    ['short', NaN],
  ]);
  assert.deepEqual(named(lastValues(lines)), [
    ['high', 8],
    ['short', 7],
    ['low', 2],
  ]);
  assert.deepEqual(named(lastValues(lines, [5, 15])), [
    ['high', 6],
    ['low', 2],
    ['short', NaN],
  ]);
});

test('values that are not finite are marked inside of the window only', () => {
  const calls: string[] = [];
  const context = new Proxy({}, { get: (_, name) => () => calls.push(String(name)), set: () => true });
  const odd = { x: Float64Array.of(-5, 10, 50, 200), value: Float64Array.of(NaN, NaN, -Infinity, NaN) };
  drawOdd(context as CanvasRenderingContext2D, places, odd, 7);
  assert.deepEqual(
    calls.filter((name) => name === 'stroke' || name === 'fill'),
    ['stroke', 'fill'],
  );
});

test('a position of a logarithmic axis is found as it is drawn', () => {
  const scale = { range: [0.01, 100] as const, log: true };
  const place = pixels(scale, { left: 0, top: 0, width: 1, height: 1 }, 'x');
  for (const part of [0, 0.25, 0.5, 1]) {
    assert.ok(Math.abs(place(valueAt(scale, part)) - part) < 1e-9);
  }
});

test('pixels follow linear and logarithmic axes, and far values stay finite', () => {
  const area = { left: 10, top: 0, width: 100, height: 50 };
  assert.equal(pixels({ range: [0, 10], log: false }, area, 'x')(5), 60);
  assert.equal(pixels({ range: [0.01, 1], log: true }, area, 'y')(0.1), 25);
  assert.ok(Number.isFinite(pixels({ range: [0, 1], log: false }, area, 'y')(1e308)));
});

test('the values of lines come with the highest or with the lowest first, and lines without a value come last', () => {
  const lines = [line('none', NaN), line('low', 5, 1), line('high', 2, 9), line('long', 3, 3, 3)];
  const ids = (found: ReturnType<typeof lastValues>) => found.map((each) => each.line.id);
  assert.deepEqual(ids(lastValues(lines)), ['high', 'long', 'low', 'none']);
  assert.deepEqual(ids(lastValues(lines, null, true)), ['low', 'long', 'high', 'none']);
  assert.deepEqual(ids(valuesAt(lines, 0)).slice(0, 3), ['low', 'long', 'high']);
  assert.deepEqual(ids(valuesAt(lines, 20, true))[0], 'long');
});

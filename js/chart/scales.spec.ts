import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearTicks, logTicks, xPosition, xRange, yRange } from './scales';

const line = (...values: number[]) => ({
  x: Float64Array.from(values, (_, i) => i),
  y: Float64Array.from(values),
});
const loss = Array.from({ length: 200 }, (_, i) => 1 / (1 + i / 20));

test('a single huge value does not flatten a curve, and is counted', () => {
  const { range, outside } = yRange([line(...loss, 1e30)], [0, 300], false, true);
  assert.equal(outside, 1);
  assert.ok(range[1] < 3 && range[1] >= 1);
  const all = yRange([line(...loss, 1e30)], [0, 300], false, false);
  assert.equal(all.outside, 0);
  assert.ok(all.range[1] >= 1e30);
});

test('values that are far apart without being few are all in the range', () => {
  const { range, outside } = yRange([line(...loss, ...loss.map((value) => value * 1000))], [0, 500], false, true);
  assert.equal(outside, 0);
  assert.ok(range[1] >= 1000);
});

test('the largest and smallest numbers have a range', () => {
  const { range } = yRange([line(-1.7e308, 1.7e308)], [0, 1], false, true);
  assert.ok(range.every(Number.isFinite));
  assert.deepEqual(yRange([line(NaN, Infinity)], [0, 1], false, true).range, [0, 1]);
});

test('a logarithmic axis ends near the values, and values that are not positive are counted', () => {
  const { range, notPositive } = yRange([line(0.012, 0, -1, 0.09)], [0, 3], true, true);
  assert.equal(notPositive, 2);
  assert.ok(range[0] > 0.01 && range[0] < 0.012 && range[1] > 0.09 && range[1] < 0.1);
});

test('a bucket of a band counts with its lowest and highest value', () => {
  const [x, y] = [Float64Array.of(0, 1), Float64Array.of(5, 6)];
  const band = { x, low: Float64Array.of(1, 2), high: Float64Array.of(8, 9) };
  const { range } = yRange([{ x, y, band }], [0, 1], false, true);
  assert.ok(range[0] <= 1 && range[1] >= 9);
});

test('only the points of the window count', () => {
  const { range } = yRange([line(100, 1, 2, 100)], [1, 2], false, true);
  assert.ok(range[1] < 3);
});

test('logarithmic ticks are round at any width', () => {
  assert.deepEqual(logTicks([0.0001, 1], 8), [0.0001, 0.001, 0.01, 0.1, 1]);
  assert.deepEqual(logTicks([0.03, 0.5], 8), [0.05, 0.1, 0.2, 0.5]);
  assert.deepEqual(logTicks([0.2, 0.4], 4), linearTicks([0.2, 0.4], 4));
  assert.deepEqual(linearTicks([0.2, 0.4], 4), [0.2, 0.25, 0.3, 0.35, 0.4]);
  const wide = logTicks([1e-30, 1e30], 8);
  assert.ok(wide.length > 3 && wide.length <= 10, wide.join());
});

test('the x axis starts where the first bucket begins', () => {
  assert.deepEqual(xRange([{ x: Float64Array.of(63.5, 191.5), width: 128 }], null), [0, 191.5]);
  assert.deepEqual(xRange([{ x: Float64Array.of(7) }], null), [6, 8]);
  assert.deepEqual(xRange([], null), [0, 1]);
});

test('a logarithmic x axis begins at the first positive position, and the zoom of a linear one is cut there', () => {
  const lines = [{ x: Float64Array.of(0, 4, 400) }, { x: Float64Array.of(0, 2) }];
  assert.deepEqual(xRange(lines, null, true), [2, 400]);
  assert.deepEqual(xRange(lines, [-10, 50], true), [2, 50]);
  assert.deepEqual(xRange(lines, [5, 50], true), [5, 50]);
  assert.deepEqual(xRange([{ x: Float64Array.of(0) }], null, true), [1, 10]);
  assert.equal(xPosition(0.5, 'metric', 0, 'epoch'), 'epoch 0.5');
});

test('a position is a step or the steps of a bucket', () => {
  assert.equal(xPosition(1200, 'step'), 'step 1 200');
  assert.equal(xPosition(191.5, 'step', 128), 'steps 128 to 255');
  assert.equal(xPosition(75, 'relative'), '1 min 15 s');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Curve } from '../../data/series';
import { LineMemory, lineOf } from './lines';

const buckets = (width: number, from: number, to: number): Curve => {
  const x = Float64Array.from({ length: (to - from) / width }, (_, i) => from + i * width + (width - 1) / 2);
  const y = x.map((step) => Math.sin(step / 5000) + ((step * 7919) % 97) / 97);
  const envelope = { low: y.map((value) => value - 1), high: y.map((value) => value + 1), count: y.map(() => width) };
  return {
    ...{ run_id: 'a', key: 'loss', name: null, x, y, ...envelope, width },
    ...{ total: 100_000, nan: 0, infinite: 0, odd: null, isThinned: true, joined: null, version: '' },
  };
};
const whole = buckets(128, 0, 99_968);

test('the smoothed value of a step is the same for any zoom', () => {
  const everything = lineOf(whole, null, 0.95);
  for (const part of [buckets(2, 40_000, 41_000), buckets(16, 0, 16_000)]) {
    const zoomed = lineOf(whole, part, 0.95);
    assert.deepEqual([...zoomed.x], [...everything.x]);
    assert.deepEqual([...zoomed.y], [...everything.y]);
    assert.ok(zoomed.raw!.x.length > everything.raw!.x.length);
  }
});

test('without smoothing the window is drawn at its own resolution, with its band', () => {
  const { x, raw, band } = lineOf(whole, buckets(2, 40_000, 41_000), 0);
  assert.equal(raw, undefined);
  assert.ok(x.includes(40_500.5));
  assert.equal(band!.low.length, x.length);
});

test('a line is computed once for each window and weight', () => {
  const memory = new LineMemory();
  const named = { id: 'a', mark: 'a', label: 'calm-owl', slot: 0 };
  const line = memory.line(named, whole, null, 0.5, true);
  assert.equal(memory.line({ ...named }, whole, null, 0.5, true), line);
  const renamed = memory.line({ ...named, slot: 1 }, whole, null, 0.5, true);
  assert.deepEqual([renamed.slot, renamed.y], [1, line.y], 'Another color smooths nothing again.');
  assert.notEqual(memory.line(named, whole, null, 0.6, true).y, line.y);
  assert.equal(memory.line(named, whole, null, 0.6, false).band, null);
});

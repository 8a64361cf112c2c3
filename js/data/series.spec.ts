import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Curve, curvesOf, spliced } from './series';

const curve = (fields: Partial<Curve>): Curve => ({
  ...{ run_id: 'a', key: 'loss', name: null, x: new Float64Array(), y: new Float64Array() },
  ...{ low: null, high: null, count: null, width: 0, total: 0, nan: 0, infinite: 0, version: '' },
  ...{ odd: null, isThinned: false, joined: null },
  ...fields,
});
/** Buckets of the width from step `from` to step `to`, whose values are their middles. */
const buckets = (width: number, from: number, to: number) => {
  const x = Float64Array.from({ length: (to - from) / width }, (_, i) => from + i * width + (width - 1) / 2);
  return curve({ x, y: x, low: x.map((value) => value - 1), high: x.map((value) => value + 1), width, count: x });
};

test('series are read from a reply with and without buckets', () => {
  const numbers = (...values: number[]) => Float64Array.from(values);
  const found = curvesOf({
    reply: {
      series: [
        { run_id: 'a', key: 'loss', points: 2, total: 2 },
        {
          ...{ run_id: 'b', run_name: 'owl', key: 'loss', points: 1, total: 9, width: 16, envelope: 4, version: '7' },
          ...{ nan: 1, pos_inf: 2, neg_inf: 3, odd: 7 },
        },
      ],
    },
    buffers: [
      ...[numbers(0, 1), numbers(NaN, Infinity), numbers(8), numbers(5), numbers(4), numbers(6), numbers(3)],
      ...[numbers(3, 4, 5), numbers(0, 1, -1)],
    ],
  });
  assert.deepEqual(
    found.map(({ name, nan, infinite, width, version }) => [name, nan, infinite, width, version]),
    [
      [null, 1, 1, 0, ''],
      ['owl', 1, 5, 16, '7'],
    ],
  );
  assert.deepEqual(
    found.map(({ odd }) => [[...odd!.x], [...odd!.value]]),
    [
      [
        [0, 1],
        [NaN, Infinity],
      ],
      [
        [3, 4, 5],
        [NaN, Infinity, -Infinity],
      ],
    ],
  );
  assert.deepEqual([found[0]!.low, [...found[1]!.low!], [...found[1]!.count!]], [null, [4], [3]]);
});

test('a window replaces its part of the whole, and lines still reach both sides', () => {
  const whole = buckets(100, 0, 1000);
  const joined = spliced(whole, buckets(10, 300, 500));
  assert.deepEqual([...joined.x.slice(0, 4)], [49.5, 149.5, 249.5, 304.5]);
  assert.deepEqual([...joined.x.slice(-6)], [494.5, 549.5, 649.5, 749.5, 849.5, 949.5]);
  assert.ok(joined.x.every((x, i) => i === 0 || x > joined.x[i - 1]!));
  assert.equal(joined.low!.length, joined.x.length);
  assert.equal(spliced(whole, null), whole);
  assert.equal(spliced(whole, curve({})), whole);
});

test('a window of single points is spliced too', () => {
  const part = curve({ x: Float64Array.of(300, 301, 302), y: Float64Array.of(1, NaN, 3) });
  const joined = spliced(buckets(100, 0, 1000), part);
  assert.deepEqual([...joined.x.slice(2, 8)], [249.5, 300, 301, 302, 449.5, 549.5]);
  assert.deepEqual([...joined.count!.slice(3, 6)], [1, 0, 1]);
});

test('over another metric, buckets of steps have no width', () => {
  const numbers = (...values: number[]) => Float64Array.from(values);
  const [joined] = curvesOf({
    reply: { series: [{ run_id: 'a', key: 'loss', points: 1, total: 9, width: 16, envelope: 2, joined: 8 }] },
    buffers: [numbers(0.5), numbers(5), numbers(4), numbers(6), numbers(8)],
  });
  assert.deepEqual([joined!.width, joined!.isThinned, joined!.joined, joined!.total], [0, true, 8, 9]);
});

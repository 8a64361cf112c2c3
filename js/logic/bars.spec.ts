import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bar, barScale, sortedBars } from './bars';

function bar(id: string, value: number | null | undefined, std: number | null = null): Bar {
  return { id, kind: std === null ? 'run' : 'group', name: id, slot: 0, value, std, n: 0, runs: 0 };
}

const ids = (bars: readonly Bar[]) => bars.map(({ id }) => id).join('');

test('the best bar is first in either direction, and what cannot be drawn is last', () => {
  const bars = [
    bar('a', null),
    bar('b', NaN),
    bar('c', Infinity),
    bar('d', 2),
    bar('e', -1),
    bar('f', undefined),
    bar('g', 2),
    bar('h', 7),
  ];
  assert.equal(ids(sortedBars(bars, false)), 'hdgecbaf');
  assert.equal(ids(sortedBars(bars, true)), 'edghcbaf');
  assert.equal(ids(bars), 'abcdefgh', 'the order of the selection is kept');
});

test('linear bars start at zero, and have room for negative values and deviations', () => {
  const positive = barScale([bar('a', 1), bar('b', 4)], false);
  assert.deepEqual([0, 1, 4].map(positive.place), [0, 0.25, 1]);
  const mixed = barScale([bar('a', -1), bar('b', 2, 1)], false);
  assert.deepEqual([mixed.low, mixed.high], [-1, 3]);
  assert.deepEqual([-1, 0, 2, 3].map(mixed.place), [0, 0.25, 0.75, 1]);
  const below = barScale([bar('a', -2), bar('b', -1, 3)], false);
  assert.deepEqual([below.low, below.high, below.place(0)], [-4, 2, 4 / 6]);
  const negative = barScale([bar('a', -4)], false);
  assert.deepEqual([-4, 0].map(negative.place), [0, 1]);
});

test('values that are not finite, and bars of nothing but zero, have no scale of their own', () => {
  const odd = barScale([bar('a', Infinity), bar('b', NaN), bar('c', null), bar('d', 5)], false);
  assert.deepEqual([odd.low, odd.high], [0, 5]);
  for (const bars of [[], [bar('a', 0)], [bar('a', null)]]) {
    const scale = barScale(bars, true);
    assert.deepEqual([scale.log, scale.place(0)], [false, 0]);
  }
});

test('a logarithmic scale starts at a power of ten below the lowest value', () => {
  const scale = barScale([bar('a', 1), bar('b', 10), bar('c', 100)], true);
  assert.deepEqual([scale.log, scale.low, scale.high], [true, 0.1, 100]);
  assert.deepEqual(
    [0.1, 1, 10, 100].map((value) => +scale.place(value).toFixed(12)),
    [0, +(1 / 3).toFixed(12), +(2 / 3).toFixed(12), 1],
  );
  // A deviation that is larger than the mean ends at the left edge.
  const wide = barScale([bar('a', 20, 80)], true);
  assert.deepEqual([wide.low, wide.high, wide.place(20 - 80), wide.place(100)], [10, 100, 0, 1]);
});

test('with a value that is not above zero the scale is linear', () => {
  assert.equal(barScale([bar('a', 1), bar('b', 0)], true).log, false);
  assert.equal(barScale([bar('a', 1), bar('b', -1)], true).log, false);
  assert.equal(barScale([bar('a', 1), bar('b', NaN)], true).log, true);
});

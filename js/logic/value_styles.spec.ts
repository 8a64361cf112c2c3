import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_VALUE, SCALE_STEPS, scaleSlot } from '../style/theme';
import { valueKey, valueStyles } from './value_styles';

const NONE: ReadonlyMap<string, number> = new Map();

test('equal values share a style in the order of the values, and equal numbers are one value', () => {
  const { entries, scale } = valueStyles(['10', '9', 'adam', '1e1', null, '10.0'], NONE, NONE);
  assert.equal(scale, null);
  assert.deepEqual(entries, [
    { value: '9', slot: 0, runs: 1 },
    { value: '10', slot: 1, runs: 3 },
    { value: 'adam', slot: 2, runs: 1 },
    { value: null, slot: NO_VALUE, runs: 1 },
  ]);
  assert.equal(valueKey('0x10'), 's:0x10');
  assert.equal(valueKey(''), 's:');
});

test('a chosen style comes first, a value keeps the style that it had, and a new one takes the first that is free', () => {
  const before = new Map([
    ['s:b', 0],
    ['s:c', 1],
  ]);
  const { entries } = valueStyles(['a', 'b', 'c', null], new Map([['s:c', 17]]), before);
  assert.deepEqual(
    entries.map(({ value, slot }) => [value, slot]),
    [
      ['a', 1],
      ['b', 0],
      ['c', 17],
      [null, NO_VALUE],
    ],
  );
});

test('many numbers are on a scale, which is logarithmic if they span two decades', () => {
  const linear = valueStyles(
    Array.from({ length: 11 }, (_, i) => `${i}`),
    NONE,
    NONE,
  );
  assert.deepEqual(linear.scale, { low: 0, high: 10, log: false });
  assert.equal(linear.slots.get('n:0'), scaleSlot(0));
  assert.equal(linear.slots.get('n:10'), scaleSlot(SCALE_STEPS - 1));
  const log = valueStyles(['1e-6', '1e-5', '1e-4', '1e-3', '1e-2', '0.1', '1', '10', '100', null], NONE, NONE);
  assert.deepEqual(log.scale, { low: 1e-6, high: 100, log: true });
  assert.equal(log.slots.get('n:0.01'), scaleSlot(Math.round((SCALE_STEPS - 1) / 2)));
  assert.equal(log.slots.get('none'), NO_VALUE);
  const mixed = valueStyles([...Array.from({ length: 11 }, (_, i) => `${i}`), 'auto'], NONE, NONE);
  assert.equal(mixed.scale, null);
});

test('with very many values, styles repeat', () => {
  const { entries } = valueStyles(
    Array.from({ length: 40 }, (_, i) => `v${i}`),
    NONE,
    NONE,
  );
  assert.deepEqual([entries[31]!.slot, entries[32]!.slot], [31, 0]);
});

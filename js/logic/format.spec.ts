import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, formatNumber, formatTime, tickNumber, tickNumbers } from './format';

test('numbers keep four significant digits, and NaN and infinity have a name', () => {
  const cases: [Parameters<typeof formatNumber>[0], string][] = [
    [0, '0'],
    [0.97312345, '0.9731'],
    [-0.5, '−0.5000'],
    [12, '12'],
    [1234.567, '1234.6'],
    [123456789, '1.235e8'],
    [3.2e-5, '3.2e−5'],
    ['NaN', 'NaN'],
    ['Infinity', '∞'],
    ['-Infinity', '−∞'],
    [undefined, ''],
  ];
  for (const [value, text] of cases) {
    assert.equal(formatNumber(value), text);
  }
});

test('ticks have no rounding errors', () => {
  assert.equal(tickNumber(0.1 + 0.2), '0.3');
  assert.equal(tickNumber(-0.00001), '−1e−5');
  assert.equal(tickNumber(2e6), '2e6');
});

test('durations go from tenths of a second to days', () => {
  const cases: [number, string][] = [
    [430, '0.4 s'],
    [12_345, '12 s'],
    [185_000, '3 min 05 s'],
    [8_040_000, '2 h 14 min'],
    [273_600_000, '3 d 4 h'],
    [-5, '0.0 s'],
  ];
  for (const [milliseconds, text] of cases) {
    assert.equal(formatDuration(milliseconds), text);
  }
});

test('a time is shortened depending on the day', () => {
  const now = new Date(2026, 10, 23, 18, 0).getTime();
  assert.equal(formatTime(new Date(2026, 10, 23, 14, 5, 9).getTime(), now), '14:05:09');
  assert.equal(formatTime(new Date(2026, 2, 3, 14, 5, 9).getTime(), now), '3 Mar 14:05');
  assert.equal(formatTime(new Date(2024, 2, 3).getTime(), now), '2024-03-03');
});

test('neighboring ticks of a narrow axis have different labels', () => {
  assert.deepEqual(tickNumbers([1_000_001, 1_000_002, 1_000_003]), ['1.000001e6', '1.000002e6', '1.000003e6']);
  assert.deepEqual(tickNumbers([0.49999995, null, 0.5]), ['0.49999995', '', '0.5']);
  assert.deepEqual(tickNumbers([0.1 + 0.2, 0.4]), ['0.3', '0.4']);
  assert.deepEqual(tickNumbers([1e-5, 1e5]), ['1e−5', '100000']);
  assert.deepEqual(tickNumbers([5]), ['5']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointsFor } from './curves';

test('very many curves have fewer points each', () => {
  assert.deepEqual([1, 200, 201, 400, 1000, 10_000].map(pointsFor), [1000, 1000, 512, 256, 128, 128]);
});

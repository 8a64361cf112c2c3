import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonParts } from './shorten';

test('names have whole words in common, and a word of each is left', () => {
  assert.deepEqual(commonParts(['SVC width 16, alpha 0.1', 'SVC width 64, alpha 0.1']), {
    prefix: 'SVC width ',
    suffix: ', alpha 0.1',
  });
  // 0.1 and 0.01 begin and end alike, but are different numbers.
  assert.deepEqual(commonParts(['lr 0.1', 'lr 0.01', 'lr 0.1']), { prefix: 'lr ', suffix: '' });
  assert.deepEqual(commonParts(['run', 'run run']), { prefix: '', suffix: '' });
  assert.deepEqual(commonParts(['a-b-c', 'a-b']), { prefix: 'a-', suffix: '' });
  for (const names of [[], ['one name'], ['one name', 'one name'], ['', 'x']]) {
    assert.deepEqual(commonParts(names), { prefix: '', suffix: '' });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { Selection } from './selection';

test('a run keeps its line style while it is selected, and the next one takes the first that is free', () => {
  const selection = new Selection(signal(['a', 'b', 'c']));
  assert.deepEqual(
    [...selection.slots.value],
    [
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ],
  );
  selection.toggle('b');
  selection.toggle('d');
  assert.deepEqual(Object.fromEntries(selection.slots.value), { a: 0, c: 2, d: 1 });
  assert.deepEqual(selection.ids.value, ['a', 'c', 'd']);
  selection.toggle('a', true);
  assert.deepEqual(selection.ids.value, ['c', 'd', 'a'], 'The run that was selected last comes last.');
});

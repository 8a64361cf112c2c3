import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepFilter, readFilters } from './filter_history';

test('the last 20 filters are kept, the newest first and each once', () => {
  localStorage.clear();
  for (let i = 0; i < 30; i++) {
    keepFilter(`a = ${i}`);
  }
  keepFilter('a = 15');
  keepFilter('  ');
  keepFilter('x'.repeat(2001));
  assert.deepEqual(readFilters().slice(0, 3), ['a = 15', 'a = 29', 'a = 28']);
  assert.equal(readFilters().length, 20);
});

test('what another program has written is not a filter, and a page without storage has no history', () => {
  for (const kept of ['{', '"a"', '[1, null, "a = 1", {"b": 2}]']) {
    localStorage.setItem('nbtrack:filters', kept);
    assert.deepEqual(readFilters(), kept.startsWith('[') ? ['a = 1'] : []);
  }
  const storage = Object.getOwnPropertyDescriptor(globalThis, 'localStorage')!;
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get: () => {
      throw new Error('Denied.');
    },
  });
  try {
    keepFilter('b = 2');
    assert.deepEqual(readFilters(), []);
  } finally {
    Object.defineProperty(globalThis, 'localStorage', storage);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pagesOf, rowWindow } from './window';

test('the window holds the visible rows and the height of all others', () => {
  const view = rowWindow(26_000, 260, 26, 10_000);
  assert.ok(view.first <= 1000 && view.end >= 1010 && view.end - view.first < 40);
  assert.equal(view.above + (view.end - view.first) * 26 + view.below, 260_000);
});

test('a window past the end, or over no rows, is valid', () => {
  assert.deepEqual(rowWindow(500, 260, 26, 0), { first: 0, end: 0, above: 0, below: 0 });
  const past = rowWindow(99_999, 260, 26, 3);
  assert.ok(past.first >= 0 && past.first <= past.end && past.end <= 3);
});

test('a window may need two pages', () => {
  assert.deepEqual(pagesOf(190, 210, 200), [0, 1]);
  assert.deepEqual(pagesOf(5, 5, 200), []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameWidth, textWidth } from './name_width';

test('wide characters take more room, and of a very long name only the beginning is measured', () => {
  assert.ok(textWidth('abc', true) > textWidth('abc'));
  assert.equal(textWidth('実験'), textWidth('abcd'));
  assert.equal(textWidth('x'.repeat(6000)), textWidth('x'.repeat(64)));
});

test('the column of names fits the widest of them, within what the table has for it', () => {
  assert.deepEqual(
    [0, 280, 900].map((content) => nameWidth(content, 1000)),
    [200, 280, 320],
  );
  assert.equal(nameWidth(900, 600), 270, 'at most 45 % of the table');
  assert.deepEqual(
    [0, 150, 900].map((content) => nameWidth(content, 400)),
    [120, 150, 180],
  );
  assert.equal(nameWidth(900, 200), 120);
});

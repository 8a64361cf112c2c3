import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableRow } from '../testing/rows';
import { diffRuns } from './diff';

test('a missing param differs, and an equal one does not', () => {
  const diff = diffRuns([
    tableRow('a', { metrics: { m: 1 }, params: { lr: '1', same: 'x' } }),
    tableRow('b', { metrics: { m: 1 }, params: { same: 'x' } }),
  ]);
  const rows = Object.fromEntries(diff.rows.map((row) => [row.key, row]));
  assert.deepEqual(rows.lr, { section: 'param', key: 'lr', values: ['1', null], differs: true });
  assert.equal(rows.same!.differs, false);
  assert.equal(rows.m!.differs, false);
});

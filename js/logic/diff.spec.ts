import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupRow, tableRow } from '../testing/rows';
import { diffRuns } from './diff';

test('a missing param differs, and an equal one does not', () => {
  const diff = diffRuns([
    tableRow('a', { metrics: { m: 1 }, params: { lr: '1', same: 'x' } }),
    tableRow('b', { metrics: { m: 1 }, params: { same: 'x' } }),
  ]);
  const rows = Object.fromEntries(diff.rows.map((row) => [row.key, row]));
  assert.deepEqual(rows.lr, { section: 'param', key: 'lr', values: ['1', null], differs: true, groups: [] });
  assert.equal(rows.same!.differs, false);
  assert.equal(rows.m!.differs, false);
});

test('groups have the params that their runs share, the number of other values, and the statistics of metrics', () => {
  const statistics = { n: 2, mean: 1, std: 0.5, min: 0, max: 2 };
  const group = groupRow('s:adam', {
    runs: 2,
    params: { same: 'x' },
    differing: { lr: 2 },
    metrics: { m: statistics },
  });
  const diff = diffRuns([tableRow('a', { metrics: { m: 1 }, params: { same: 'x' } })], [group, groupRow('none')]);
  assert.deepEqual(diff.groups![0], { key: 's:adam', value: 'adam', runs: 2 });
  const none = { value: null, differing: 0, statistics: null };
  assert.deepEqual(
    diff.rows.map(({ key, differs, groups }) => [key, differs, groups]),
    [
      ['lr', true, [{ ...none, differing: 2 }, none]],
      ['same', true, [{ ...none, value: 'x' }, none]],
      ['m', true, [{ ...none, statistics }, none]],
    ],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableRow } from '../testing/rows';
import { clause, nextOrder, parseClause, quoted, sortRuns } from './order';

test('a key is quoted if it is not an identifier', () => {
  assert.equal(quoted('metrics', 'loss'), 'metrics.loss');
  assert.equal(quoted('metrics', 'val/loss'), 'metrics.`val/loss`');
  assert.equal(quoted('params', 'a`b'), 'params."a`b"');
});

test('a clause from Python equals the column of its header, however it is quoted', () => {
  assert.deepEqual(parseClause('metrics.`loss` DESC'), { column: quoted('metrics', 'loss'), descending: true });
  assert.deepEqual(parseClause('metric.`val/loss`'), { column: quoted('metrics', 'val/loss'), descending: false });
  assert.equal(parseClause(undefined), null);
  assert.equal(clause(parseClause('params.a desc')!), 'params.a DESC');
});

test('clicking a header again reverses the order', () => {
  const first = nextOrder(null, 'metrics.loss');
  assert.equal(first.descending, true);
  assert.equal(nextOrder(first, 'metrics.loss').descending, false);
  assert.equal(nextOrder(first, 'params.lr').descending, false);
});

test('saved rows sort as the store sorts: NaN then missing last, in both directions', () => {
  const rows = [
    tableRow('missing', { metrics: {} }),
    tableRow('nan', { metrics: { m: 'NaN' } }),
    tableRow('low', { metrics: { m: 1 } }),
    tableRow('high', { metrics: { m: 'Infinity' } }),
  ];
  const ids = (order: string) => sortRuns(rows, [order]).map((row) => row.run_id);
  assert.deepEqual(ids('metrics.m DESC'), ['high', 'low', 'nan', 'missing']);
  assert.deepEqual(ids('metrics.m ASC'), ['low', 'high', 'nan', 'missing']);
});

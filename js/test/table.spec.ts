import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRow, TableRow } from '../contract';
import { diffRuns } from '../logic/diff';
import { clause, nextOrder, parseClause, quoted, sortRuns } from '../logic/order';
import { pagesOf, rowWindow } from '../logic/window';

const run = (run_id: string, metrics: RunRow['metrics'], params: RunRow['params'] = {}): TableRow => ({
  run_id,
  run_name: run_id,
  experiment_id: '0',
  experiment_name: 'Default',
  status: 'FINISHED',
  start_time: 0,
  end_time: 1,
  user_id: '',
  parent_run_id: null,
  note: '',
  params,
  metrics,
  models: [],
  depth: 0,
  children: 0,
  nested_best: {},
});

test('the window holds the rows in sight and accounts for every other row', () => {
  const view = rowWindow(26_000, 260, 26, 10_000);
  assert.ok(view.first <= 1000 && view.end >= 1010 && view.end - view.first < 40);
  assert.equal(view.above + (view.end - view.first) * 26 + view.below, 260_000);
});

test('a window past the end, and over nothing, is not broken', () => {
  assert.deepEqual(rowWindow(500, 260, 26, 0), { first: 0, end: 0, above: 0, below: 0 });
  const past = rowWindow(99_999, 260, 26, 3);
  assert.ok(past.first >= 0 && past.first <= past.end && past.end <= 3);
});

test('a window may need two pages', () => {
  assert.deepEqual(pagesOf(190, 210, 200), [0, 1]);
  assert.deepEqual(pagesOf(5, 5, 200), []);
});

test('a key is quoted where it is no identifier', () => {
  assert.equal(quoted('metrics', 'loss'), 'metrics.loss');
  assert.equal(quoted('metrics', 'val/loss'), 'metrics.`val/loss`');
  assert.equal(quoted('params', 'a`b'), 'params."a`b"');
});

test('a clause that Python wrote is known by its header, however it is quoted', () => {
  assert.deepEqual(parseClause('metrics.`loss` DESC'), { column: quoted('metrics', 'loss'), descending: true });
  assert.deepEqual(parseClause('metric.`val/loss`'), { column: quoted('metrics', 'val/loss'), descending: false });
  assert.equal(parseClause(undefined), null);
  assert.equal(clause(parseClause('params.a desc')!), 'params.a DESC');
});

test('clicking a header again turns the order round', () => {
  const first = nextOrder(null, 'metrics.loss');
  assert.equal(first.descending, true);
  assert.equal(nextOrder(first, 'metrics.loss').descending, false);
  assert.equal(nextOrder(first, 'params.lr').descending, false);
});

test('saved rows sort as the store sorts: NaN then missing last, in both directions', () => {
  const rows = [run('missing', {}), run('nan', { m: 'NaN' }), run('low', { m: 1 }), run('high', { m: 'Infinity' })];
  const ids = (order: string) => sortRuns(rows, [order]).map((row) => row.run_id);
  assert.deepEqual(ids('metrics.m DESC'), ['high', 'low', 'nan', 'missing']);
  assert.deepEqual(ids('metrics.m ASC'), ['low', 'high', 'nan', 'missing']);
});

test('the difference of runs tells a missing param from an equal one', () => {
  const diff = diffRuns([run('a', { m: 1 }, { lr: '1', same: 'x' }), run('b', { m: 1 }, { same: 'x' })]);
  const rows = Object.fromEntries(diff.rows.map((row) => [row.key, row]));
  assert.deepEqual(rows['lr'], { section: 'param', key: 'lr', values: ['1', null], differs: true });
  assert.equal(rows['same']!.differs, false);
  assert.equal(rows['m']!.differs, false);
});

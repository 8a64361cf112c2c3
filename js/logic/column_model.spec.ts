import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnWindow, edges, shownColumns, withColumn } from './column_model';
import { shorten } from './shorten';

const names = {
  params: [
    { key: 'seed', differs: false },
    { key: 'model/depth', differs: true },
    { key: 'lr', differs: true },
  ],
  metrics: ['val/loss', 'acc', 'val/f1'],
  lower: new Set(['val/loss']),
  models: true,
};
const ids = (allParams = false, views = withColumn([], 'none', {})) =>
  shownColumns(names, allParams, views).map(({ id }) => id);
const metrics = ['metrics.acc', 'metrics.`val/loss`', 'metrics.`val/f1`'];
const params = ['params.lr', 'params.`model/depth`'];
const run = ['attributes.status', 'attributes.start_time', 'attributes.duration'];

test('metrics come first, then the params that differ, grouped by prefix, and constant params come last', () => {
  assert.deepEqual(ids(), ['models', ...metrics, ...params, ...run]);
  assert.deepEqual(ids(true), ['models', ...metrics, ...params, ...run, 'params.seed']);
  assert.equal(shownColumns({ ...names, models: false }, false, [])[0]!.id, metrics[0]);
  const ofGroups = shownColumns({ ...names, grouped: true }, true, []).map(({ id }) => id);
  assert.deepEqual(ofGroups, [...metrics, ...params, ...run, 'models', 'params.seed'], 'groups have no models');
});

test('columns are shown, hidden, pinned, resized and moved by the view, and names that do not exist change nothing', () => {
  let views = withColumn([], 'min(metrics.`val/loss`)', { hidden: false });
  views = withColumn(views, 'metrics.acc', { hidden: true });
  views = withColumn(views, 'params.lr', { pinned: true, width: 90 });
  views = withColumn(views, 'models', { before: 'metrics.`val/f1`' });
  views = withColumn(views, 'metrics.gone', { before: 'metrics.acc' });
  views = withColumn(views, 'params.`model/depth`', { before: '' });
  assert.deepEqual(ids(false, views), [
    'params.lr',
    'metrics.`val/loss`',
    'min(metrics.`val/loss`)',
    'models',
    'metrics.`val/f1`',
    ...run,
    'params.`model/depth`',
  ]);
  assert.equal(shownColumns(names, false, views)[0]!.width, 90);
});

test('a column that is as it was by default has no entry', () => {
  const hidden = withColumn([], 'metrics.acc', { hidden: true });
  assert.equal(hidden.length, 1);
  assert.deepEqual(withColumn(hidden, 'metrics.acc', { hidden: null }), []);
});

test('the window has the columns in sight and the widths of all others', () => {
  const at = edges(Array.from({ length: 12000 }, () => ({ width: 100 }) as never));
  assert.deepEqual(columnWindow(at, 0, 400), { first: 0, end: 8, left: 0, right: 1199200 });
  assert.deepEqual(columnWindow(at, 600050, 400), { first: 5997, end: 6008, left: 599700, right: 599200 });
  assert.deepEqual(columnWindow(at, 1e9, 400).end, 12000);
  assert.deepEqual(columnWindow([0], 0, 400), { first: 0, end: 0, left: 0, right: 0 });
});

test('names are shortened in the middle', () => {
  assert.equal(shorten('resnet50-lr0.1-seed17', 12), 'resnet…eed17');
  assert.equal(shorten('short', 12), 'short');
});

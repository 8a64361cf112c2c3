import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupRow, tableRow } from '../testing/rows';
import { columnTitle, groupName, isInGroup, sortedGroups, spreadText } from './groups';

test('columns and groups have names that people read', () => {
  const columns = ['params.lr', 'params.`learning rate`', 'tags."a`b"', 'datasets.name', 'attributes.parent'];
  assert.deepEqual(columns.map(columnTitle), ['lr', 'learning rate', 'a`b', 'dataset', 'parent']);
  assert.deepEqual(
    [null, '', 'adam'].map((value) => groupName(groupRow('k', { value }))),
    ['no value', '(empty)', 'adam'],
  );
});

test('a standard deviation has two digits, or those before the point', () => {
  const values = [0.01234, 1.26, 12.7, 1234.5, 0.0000321, 0, 1e-12, 'NaN'] as const;
  assert.deepEqual(values.map(spreadText), ['0.012', '1.3', '13', '1235', '0.000032', '0', '1.0e−12', 'NaN']);
});

test('saved groups are sorted by a statistic or by their values, those without one last', () => {
  const stats = (mean: number, std: number) => ({ n: 2, mean, std, min: mean - std, max: mean + std });
  const groups = [
    groupRow('n:10', { value: '10', metrics: { loss: stats(2, 1) } }),
    groupRow('none', { value: null }),
    groupRow('n:9', { value: '9', metrics: { loss: stats(1, 5) } }),
  ];
  const order = (clause: string, statistic: 'mean' | 'std') =>
    sortedGroups(groups, 'params.lr', [clause], statistic).map(({ key }) => key);
  assert.deepEqual(order('metrics.loss ASC', 'mean'), ['n:9', 'n:10', 'none']);
  assert.deepEqual(order('metrics.loss ASC', 'std'), ['n:10', 'n:9', 'none']);
  assert.deepEqual(order('params.lr ASC', 'mean'), ['n:9', 'n:10', 'none']);
  assert.deepEqual(order('params.lr DESC', 'mean'), ['n:10', 'n:9', 'none']);
  assert.deepEqual(order('params.other DESC', 'mean'), ['n:10', 'none', 'n:9']);
});

test('a saved run is in the group of its value of a param', () => {
  const row = tableRow('a', { params: { lr: '1e-1', name: 'adam', empty: '' } });
  const isIn = (by: string, key: string) => isInGroup(row, { by, key });
  assert.ok(isIn('params.lr', 'n:0.1') && isIn('params.name', 's:adam') && isIn('params.other', 'none'));
  assert.ok(!isIn('params.lr', 'n:1') && !isIn('params.name', 'none') && !isIn('tags.name', 'none'));
  assert.ok(!isIn('params.empty', 'n:0'));
});

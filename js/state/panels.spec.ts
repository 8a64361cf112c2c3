import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PanelView, ViewState } from '../contract';
import { viewOf } from '../testing/view';
import { Panels } from './panels';
import { NEW_PANEL } from './view';

const panel = (metric: string, fields: Partial<PanelView> = {}): PanelView => ({
  ...NEW_PANEL,
  metrics: [metric],
  ...fields,
});
const panelsOf = (charts: PanelView[], fields: Partial<ViewState> = {}) => {
  const panels = new Panels(viewOf({ panels: charts, ...fields }));
  return { panels, names: () => panels.all.peek().map(({ metrics }) => metrics.join()) };
};
const zooms = (panels: Panels) => panels.all.peek().map(({ x_min, x_max }) => [x_min, x_max]);

test('there is always a chart, and one that is added stands after it', () => {
  const { panels, names } = panelsOf([]);
  assert.deepEqual(panels.ids.value.length, 1);
  panels.add(['loss', 'val/loss']);
  assert.deepEqual(names(), ['', 'loss,val/loss']);
});

test('charts keep their numbers when they are moved and removed', () => {
  const { panels, names } = panelsOf([panel('a'), panel('b'), panel('c')]);
  const [a, b, c] = panels.ids.value;
  panels.move(0, 2);
  assert.deepEqual(
    [names(), panels.ids.value],
    [
      ['b', 'c', 'a'],
      [b, c, a],
    ],
  );
  panels.move(2, 1);
  assert.deepEqual(
    [names(), panels.ids.value],
    [
      ['b', 'a', 'c'],
      [b, a, c],
    ],
  );
  panels.move(1, 3);
  panels.move(1, -1);
  assert.deepEqual(names(), ['b', 'a', 'c']);
  panels.remove(1);
  assert.deepEqual(
    [names(), panels.ids.value],
    [
      ['b', 'c'],
      [b, c],
    ],
  );
  panels.add(['d']);
  assert.equal(new Set([...panels.ids.value, a]).size, 4, 'A new chart has no number of one that was removed.');
});

test('charts with the same x axis share their zoom until that is switched off', () => {
  const { panels } = panelsOf([panel('a'), panel('b', { x_axis: 'time' }), panel('c')]);
  panels.zoom(2, [1, 5]);
  assert.deepEqual(zooms(panels), [
    [1, 5],
    [null, null],
    [1, 5],
  ]);
  panels.change(1, { x_axis: 'step' });
  assert.deepEqual(zooms(panels)[1], [1, 5], 'On another axis, a chart has the zoom of those that share it.');
  panels.share(false);
  panels.zoom(0, null);
  assert.deepEqual(zooms(panels), [
    [null, null],
    [1, 5],
    [1, 5],
  ]);
  panels.share(true);
  assert.deepEqual(zooms(panels), [
    [null, null],
    [null, null],
    [null, null],
  ]);
});

test('another metric as the x axis is an axis of its own', () => {
  const { panels } = panelsOf([panel('a', { x_metric: 'epoch' }), panel('b')]);
  panels.zoom(1, [1, 5]);
  assert.deepEqual(zooms(panels)[0], [null, null]);
  panels.change(1, { x_metric: 'epoch' });
  assert.deepEqual(zooms(panels)[1], [null, null], 'A window of steps means nothing among values.');
});

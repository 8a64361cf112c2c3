import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect, signal } from '@preact/signals';
import { Panels } from './panels';
import { defaultView, NEW_PANEL, readView, same, View } from './view';

test('what is not valid in a state has its default, whatever it is', () => {
  const hostile = [
    undefined,
    null,
    7,
    'view',
    [],
    new Date(),
    { query: 7 },
    { sorts: [7] },
    { selected: { length: 3 } },
    { selected_groups: 's:adam' },
    { group_statistic: 'median' },
  ];
  for (const state of hostile) {
    assert.deepEqual(readView(state), defaultView());
  }
  const columns = [{ column: 'metrics.loss', width: 10, hidden: null, pinned: false, before: null }];
  const panels = [{ metrics: ['a'], x_axis: 'moon', smoothing: 0, log: false, x_min: null, x_max: null }];
  const styles = [{ value: 'a', slot: 0.5 }];
  assert.deepEqual(readView({ columns, panels, styles }), defaultView());
  const prototype = JSON.parse('{"__proto__": {"query": "x"}, "constructor": 1, "query": "a = 1", "later": true}');
  assert.deepEqual(readView(prototype), { ...defaultView(), query: 'a = 1' });
});

test('a state of a later version is read as far as it is known', () => {
  assert.deepEqual(readView({ ...defaultView(), version: 9, grouped: false, engine: 'new' }), {
    ...defaultView(),
    grouped: false,
  });
});

test('a part changes only when its field does, and setting it changes the state that the host syncs', () => {
  const synced = signal<object>({ query: 'a', selected: ['x'] });
  const view = new View(synced);
  const selected = view.part('selected');
  let runs = 0;
  const stop = effect(() => {
    void selected.value;
    runs += 1;
  });
  synced.value = JSON.parse('{"query": "b", "selected": ["x"]}');
  assert.equal(runs, 1);
  selected.value = ['x', 'y'];
  assert.equal(runs, 2);
  assert.deepEqual(synced.value, { ...defaultView(), query: 'b', selected: ['x', 'y'] });
  const before = synced.value;
  selected.value = ['x', 'y'];
  assert.equal(synced.value, before, 'An equal value is not sent to the kernel.');
  stop();
});

test('a field of a chart is written into the view', () => {
  const view = new View(signal({}));
  const panels = new Panels(view);
  panels.field(0, 'log').value = true;
  panels.field(0, 'metrics').value = ['loss'];
  assert.deepEqual(view.peek().panels, [{ ...NEW_PANEL, metrics: ['loss'], log: true }]);
});

test('a chart of an earlier version keeps its fields, and has the defaults of the new ones', () => {
  const earlier = { metrics: ['loss'], x_axis: 'time', smoothing: 0.5, log: true, x_min: 1, x_max: 2 };
  assert.deepEqual(readView({ panels: [earlier] }).panels, [{ ...NEW_PANEL, ...earlier }]);
  assert.deepEqual(readView({ panels: [{ metrics: ['a'], band: 'wide' }] }), defaultView());
  assert.deepEqual(readView({ panels: [{ metrics: ['a'], statistic: 'median' }] }), defaultView());
  assert.deepEqual(readView({ panels: [{ metrics: ['a'], kind: 'pie' }] }), defaultView());
  assert.equal(readView({ panels: [{ metrics: ['a'], kind: 'bars' }] }).panels[0]!.kind, 'bars');
  assert.deepEqual(readView({ panels: [null] }), defaultView());
});

test('values of JSON are compared by content', () => {
  assert.ok(same({ a: [1, { b: null }] }, { a: [1, { b: null }] }));
  assert.ok(!same({ a: 1 }, { a: 1, b: 2 }) && !same([1], { 0: 1 }) && !same(null, {}) && !same([1], [1, 2]));
});

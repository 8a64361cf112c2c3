import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableRow } from '../testing/rows';
import { viewOf } from '../testing/view';
import { Selection } from './selection';

test('a run keeps its line style while it is selected, and the next one takes the first that is free', () => {
  const selection = new Selection(viewOf({ selected: ['a', 'b', 'c'] }));
  assert.deepEqual(
    [...selection.slots.value],
    [
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ],
  );
  selection.toggle('b');
  selection.toggle('d');
  assert.deepEqual(Object.fromEntries(selection.slots.value), { a: 0, c: 2, d: 1 });
  assert.deepEqual(selection.ids.value, ['a', 'c', 'd']);
  selection.toggle('a', true);
  assert.deepEqual(selection.ids.value, ['c', 'd', 'a'], 'The run that was selected last comes last.');
});

test('groups have other line styles than the selected runs, and keep them', () => {
  const view = viewOf({ selected: ['a', 'b'], selected_groups: ['s:adam', 's:sgd'] });
  const selection = new Selection(view);
  assert.deepEqual(Object.fromEntries(selection.groupSlots.value), { 's:adam': 2, 's:sgd': 3 });
  selection.toggleGroup('s:adam');
  selection.toggle('a');
  selection.toggleGroup('n:1');
  assert.deepEqual(Object.fromEntries(selection.groupSlots.value), { 's:sgd': 3, 'n:1': 0 });
  selection.setBaseline({ kind: 'group', id: 's:sgd' });
  assert.deepEqual([view.peek().baseline, view.peek().baseline_group], [null, 's:sgd']);
  selection.setBaseline({ kind: 'run', id: 'b' });
  assert.deepEqual([view.peek().baseline, view.peek().baseline_group], ['b', null]);
  selection.clear();
  assert.deepEqual([view.peek().selected, view.peek().selected_groups], [[], []]);
});

test('groups of the values that give runs their styles have the styles of these values', () => {
  const rows = ['0.10', '1e-5', '0.1'].map((lr, i) => tableRow(`r${i}`, { params: { lr } }));
  const view = viewOf({
    selected: rows.map(({ run_id }) => run_id),
    style_by: 'params.lr',
    group_by: 'params.lr',
    selected_groups: ['n:1e-05', 'n:0.1', 'n:7'],
  });
  const selection = new Selection(view, (run_id) => rows.find((row) => row.run_id === run_id));
  assert.deepEqual(Object.fromEntries(selection.slots.value), { r0: 1, r1: 0, r2: 1 });
  assert.deepEqual(Object.fromEntries(selection.groupSlots.value), { 'n:1e-05': 0, 'n:0.1': 1, 'n:7': 2 });
  selection.setValueStyle('7.0', 12);
  assert.equal(selection.groupSlots.value.get('n:7'), 12);
});

test('a chosen style replaces the one before, for a run or for its value of a param', () => {
  const view = viewOf({ selected: ['a', 'b'] });
  const selection = new Selection(view, (run_id) => tableRow(run_id, { params: { lr: '1' } }));
  selection.setStyle('b', 17);
  selection.setStyle('b', 9);
  assert.deepEqual(view.peek().styles, [{ value: 'b', slot: 9 }]);
  assert.deepEqual(Object.fromEntries(selection.slots.value), { a: 0, b: 9 });
  view.set({ style_by: 'params.lr' });
  selection.setStyle('b', 3);
  assert.deepEqual(Object.fromEntries(selection.slots.value), { a: 3, b: 3 });
});

test('runs with equal values of a param share a line style, and a chosen style stays', () => {
  const runs = new Map(['10', '9', '10'].map((lr, i) => [`run ${i}`, tableRow(`run ${i}`, { params: { lr } })]));
  const fields = { selected: [...runs.keys()], style_by: 'lr', styles: [{ value: '10', slot: 17 }] };
  const view = viewOf(fields);
  const selection = new Selection(view, (run_id) => runs.get(run_id));
  assert.deepEqual(Object.fromEntries(selection.slots.value), { 'run 0': 17, 'run 1': 0, 'run 2': 17 });
  view.set({ style_by: null, styles: [{ value: 'run 1', slot: 0 }] });
  assert.deepEqual(Object.fromEntries(selection.slots.value), { 'run 0': 1, 'run 1': 0, 'run 2': 2 });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { folded, QueryState, sorted } from './query';
import { View } from './view';

const loss = { column: 'metrics.loss', descending: true };

test('a query is plain data that can be stored and shown again', () => {
  const state = new QueryState(new View(signal({ sorts: ['metrics.a DESC', 'params.b ASC'] })));
  const query = folded(sorted(state.peek(), loss, true), 'sweep', true);
  assert.deepEqual(query.sorts, ['metrics.a DESC', 'params.b ASC', 'metrics.loss DESC']);
  state.set(JSON.parse(JSON.stringify(query)));
  assert.deepEqual(state.peek(), query);
  assert.deepEqual(state.orders.value[2], loss);
});

test('a column that is added to the order again is reversed in its place, and otherwise sorts alone', () => {
  const state = new QueryState(new View(signal({ sorts: ['metrics.`loss` ASC', 'params.b ASC'] })));
  assert.deepEqual(sorted(state.peek(), loss, true).sorts, ['metrics.loss DESC', 'params.b ASC']);
  assert.deepEqual(sorted(state.peek(), loss).sorts, ['metrics.loss DESC']);
});

test('the keys of groups are forgotten when the runs are grouped by another column', () => {
  const keys = { selected_groups: ['s:adam'], unfolded_groups: ['s:sgd'], baseline_group: 's:adam' };
  const view = new View(signal({ group_by: 'params.optimizer', ...keys }));
  const state = new QueryState(view);
  state.set({ ...state.peek(), sorts: ['metrics.loss ASC'] });
  assert.deepEqual(view.peek().selected_groups, ['s:adam']);
  state.set({ ...state.peek(), group_by: 'params.lr' });
  const { selected_groups, unfolded_groups, baseline_group } = view.peek();
  assert.deepEqual([selected_groups, unfolded_groups, baseline_group], [[], [], null]);
});

test('a query that was set from outside is taken once', () => {
  const synced = signal<object>({ query: 'a' });
  const state = new QueryState(new View(synced));
  assert.equal(state.take(), null);
  synced.value = { query: 'a', selected: ['run'] };
  assert.equal(state.take(), null, 'A selection does not change the rows.');
  synced.value = { query: 'b' };
  assert.equal(state.take()?.filter, 'b');
  assert.equal(state.take(), null);
  state.set({ ...state.peek(), sorts: ['metrics.loss ASC'] });
  assert.equal(state.take(), null, 'The table set it itself.');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { folded, orderOf, QueryState, sorted } from './query';
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

test('groups stand together before the rows are sorted by a column', () => {
  const state = new QueryState(new View(signal({ sorts: ['metrics.loss ASC'], group_by: 'params.optimizer' })));
  assert.deepEqual(orderOf(state.peek()), ['params.optimizer ASC', 'metrics.loss ASC']);
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

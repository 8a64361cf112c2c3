import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { Folding } from './folding';
import { folded, QueryState, sorted } from './query';

test('a query is plain data that can be stored and shown again', () => {
  const state = new QueryState(signal(''), new Folding(), ['metrics.a DESC', 'params.b ASC']);
  const query = folded(sorted(state.peek(), { column: 'metrics.c', descending: true }), 'sweep', true);
  assert.deepEqual(query.order_by, ['metrics.c DESC', 'params.b ASC']);
  state.set(JSON.parse(JSON.stringify(query)));
  assert.deepEqual(state.peek(), query);
  assert.deepEqual(state.order.value, { column: 'metrics.c', descending: true });
});

test('a filter that was set from outside is taken once', () => {
  const filter = signal('a');
  const state = new QueryState(filter, new Folding());
  assert.equal(state.takeFilter(), null);
  filter.value = 'b';
  assert.equal(state.takeFilter(), 'b');
  assert.equal(state.takeFilter(), null);
});

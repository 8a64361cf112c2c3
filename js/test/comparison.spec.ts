import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { ComparisonState } from '../components/comparison_state';
import { type Connection, failure } from '../connection/connection';
import type { RunsRequest } from '../contract';

/** A kernel that answers nothing until it is told to. */
function comparison() {
  const asked: { payload: RunsRequest; answer: () => void; refuse: () => void }[] = [];
  const request = (_: string, payload: RunsRequest, abort: AbortSignal) =>
    new Promise((resolve, reject) => {
      abort.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      const reply = { rows: [], total: 0, params: [], metrics: [], system: [], best: {} };
      asked.push({
        payload,
        answer: () => resolve({ reply, buffers: [] }),
        refuse: () => reject(failure('INVALID_PARAMETER_VALUE', 'no such thing')),
      });
    });
  const connection = { live: true, first: () => undefined, request } as unknown as Connection;
  return { state: new ComparisonState(connection, signal('a'), signal([])), asked };
}

const order = { column: 'metrics.loss', descending: true };

test('a sort that is asked while a filter is on its way means both, and so does the other way round', () => {
  const { state, asked } = comparison();
  void state.apply('b');
  state.sort(order);
  void state.apply('c');
  assert.deepEqual(
    asked.map(({ payload }) => [payload.filter, payload.order_by]),
    [
      ['b', []],
      ['b', ['metrics.loss DESC']],
      ['c', ['metrics.loss DESC']],
    ],
  );
});

test('after a filter that was refused a header sorts what the table shows', async () => {
  const { state, asked } = comparison();
  const refused = state.apply('wrong');
  asked[0]!.refuse();
  await refused;
  assert.equal(state.error.peek()?.message, 'no such thing');
  state.sort(order);
  assert.equal(asked[1]!.payload.filter, 'a');
});

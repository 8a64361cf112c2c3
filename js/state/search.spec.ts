import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { type Connection, failure } from '../connection/connection';
import type { RunsReply, RunsRequest, TableRow } from '../contract';
import { comparisonState } from './comparison';

/** A comparison whose kernel answers when the test says so. */
function comparison() {
  const asked: { payload: RunsRequest; answer: (reply?: Partial<RunsReply>) => void; refuse: () => void }[] = [];
  const request = (_: string, payload: RunsRequest, abort: AbortSignal) =>
    new Promise((resolve, reject) => {
      abort.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      const reply = {
        rows: [],
        count: 0,
        total: 0,
        nested: 0,
        params: [],
        metrics: [],
        system: [],
        best: {},
        lower_is_better: [],
      };
      asked.push({
        payload,
        answer: (more = {}) => resolve({ reply: { ...reply, ...more }, buffers: [] }),
        refuse: () => reject(failure('INVALID_PARAMETER_VALUE', 'The key does not exist.')),
      });
    });
  const connection = { live: true, first: () => undefined, request } as unknown as Connection;
  return { ...comparisonState(connection, signal({ query: 'a' })), asked };
}

const order = { column: 'metrics.loss', descending: true };

test('sorting keeps a filter that is being applied, and a filter keeps an order that is being applied', () => {
  const { search, asked } = comparison();
  void search.apply('b');
  search.sort(order);
  void search.apply('c');
  assert.deepEqual(
    asked.map(({ payload }) => [payload.filter, payload.order_by]),
    [
      ['b', []],
      ['b', ['metrics.loss DESC']],
      ['c', ['metrics.loss DESC']],
    ],
  );
});

test('after a filter was refused, a header sorts the rows that the table shows', async () => {
  const { search, asked } = comparison();
  const refused = search.apply('wrong');
  asked[0]!.refuse();
  await refused;
  assert.equal(search.error.peek()?.message, 'The key does not exist.');
  search.sort(order);
  assert.equal(asked[1]!.payload.filter, 'a');
});

const sweep = { run_id: 'sweep', children: 3, depth: 0 } as TableRow;

test('folding requests the page of its row, and keeps other changes that are being applied', async () => {
  const { search, pages, folding, asked } = comparison();
  void search.apply();
  const rows = Array.from({ length: 200 }, () => sweep);
  asked[0]!.answer({ rows, count: 500, total: 900, nested: 400 });
  await settled();
  search.ensure(400, 410);
  asked[1]!.answer({ rows: [sweep], count: 500, total: 900, nested: 400 });
  await settled();
  search.fold(400, true);
  assert.equal(folding.unfolded.peek().has('sweep'), false, 'the table changes when the answer arrives');
  assert.deepEqual([asked[2]!.payload.offset, asked[2]!.payload.unfolded], [400, ['sweep']]);
  asked[2]!.answer({ rows: [sweep], count: 503, total: 900, nested: 400 });
  await settled();
  assert.deepEqual([pages.count.peek(), folding.unfolded.peek().has('sweep'), pages.row(400)], [503, true, sweep]);
  void search.apply('b');
  search.fold(400, false);
  assert.deepEqual([asked[4]!.payload.filter, asked[4]!.payload.offset, asked[4]!.payload.unfolded], ['b', 0, []]);
  search.group(false);
  assert.deepEqual([asked[5]!.payload.filter, asked[5]!.payload.grouped], ['b', false]);
});

test('a run without nested runs does not fold', async () => {
  const { search, asked } = comparison();
  void search.apply();
  asked[0]!.answer({ rows: [{ ...sweep, children: 0 }], count: 1, total: 1 });
  await settled();
  search.fold(0, true);
  search.fold(7, true);
  assert.equal(asked.length, 1);
});

test('a page that is requested while a query is on its way is fetched again for that query', async () => {
  const { search, pages, asked } = comparison();
  const run = (run_id: string) => ({ ...sweep, run_id, children: 0 });
  void search.apply();
  asked[0]!.answer({ rows: Array.from({ length: 200 }, () => run('old')), count: 500, total: 500 });
  await settled();
  void search.apply('b');
  search.ensure(200, 210);
  asked[1]!.answer({ rows: Array.from({ length: 200 }, () => run('new')), count: 300, total: 300 });
  await settled();
  asked[2]!.answer({ rows: [run('old')], count: 500, total: 500 });
  await settled();
  assert.deepEqual([pages.row(200), pages.total.peek()], [undefined, 300]);
  search.ensure(200, 210);
  assert.deepEqual([asked[3]!.payload.filter, asked[3]!.payload.offset], ['b', 200]);
  asked[3]!.answer({ rows: [run('new')], count: 300, total: 300 });
  await settled();
  assert.equal(pages.row(200)?.run_id, 'new');
});

test('a page that is on its way is shown after another query was refused', async () => {
  const { search, pages, asked } = comparison();
  void search.apply();
  asked[0]!.answer({ rows: Array.from({ length: 200 }, () => sweep), count: 500, total: 500 });
  await settled();
  search.ensure(200, 210);
  void search.apply('wrong');
  asked[2]!.refuse();
  asked[1]!.answer({ rows: [sweep], count: 500, total: 500 });
  await settled();
  assert.equal(pages.row(200), sweep);
});

test('a page that could not be read is requested again', async () => {
  const { search, asked } = comparison();
  void search.apply();
  asked[0]!.answer({ rows: Array.from({ length: 200 }, () => sweep), count: 500, total: 500 });
  await settled();
  search.ensure(200, 210);
  search.ensure(200, 210);
  assert.equal(asked.length, 2);
  asked[1]!.refuse();
  await settled();
  search.ensure(200, 210);
  assert.equal(asked[2]!.payload.offset, 200);
});

const wide = (from: number, to: number): Partial<RunsReply> => {
  const keys = Array.from({ length: to - from }, (_, i) => `m${from + i}`);
  const row = { ...sweep, metrics: Object.fromEntries(keys.map((key) => [key, 1])), params: {}, nested_best: {} };
  return { rows: [row], count: 500, total: 500, metrics: keys, metric_count: 450, best: { [keys[0]!]: sweep.run_id } };
};

test('more columns are loaded of the rows in sight, and from then on of every page', async () => {
  const { search, pages, columns, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(0, 200));
  await settled();
  assert.deepEqual([columns.loaded.value, columns.total.value, columns.complete.value], [200, 450, false]);
  search.ensure(200, 210);
  asked[1]!.answer(wide(0, 200));
  await settled();
  void search.moreColumns();
  // Until they are there, the table shows the columns that it has.
  assert.equal(columns.loaded.value, 200);
  asked[2]!.answer(wide(0, 200));
  asked[3]!.answer(wide(200, 400));
  await settled();
  const page = ({ payload }: { payload: RunsRequest }) => [payload.offset, payload.column_offset, payload.column_limit];
  assert.deepEqual(asked.slice(2).map(page), [
    [200, 0, 200],
    [200, 200, 200],
  ]);
  assert.deepEqual([columns.loaded.value, columns.best.value], [400, { m0: sweep.run_id, m200: sweep.run_id }]);
  assert.equal(Object.keys(pages.row(200)!.metrics).length, 400);
  search.ensure(0, 10);
  assert.deepEqual(asked.slice(4).map(page), [
    [0, 0, 200],
    [0, 200, 200],
  ]);
});

test('a query whose runs have few columns is asked once again', async () => {
  const { search, columns, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(0, 200));
  await settled();
  void search.moreColumns();
  asked[1]!.answer(wide(0, 200));
  asked[2]!.refuse();
  await settled();
  assert.equal(search.error.value?.message, 'The key does not exist.');
  void search.moreColumns();
  asked[3]!.answer(wide(0, 200));
  asked[4]!.answer(wide(200, 400));
  await settled();
  assert.equal(search.error.value, null);
  void search.apply('few');
  asked[5]!.answer({ ...wide(0, 2), metric_count: 2 });
  asked[6]!.answer({ ...wide(0, 0), best: {}, metric_count: 2 });
  await settled();
  assert.deepEqual([columns.loaded.value, columns.total.value], [2, 2]);
  void search.apply('fewer');
  assert.equal(asked.length, 8);
});

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

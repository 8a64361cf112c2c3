import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { type Connection, failure } from '../connection/connection';
import type { RunsReply, RunsRequest, TableRow } from '../contract';
import { type Column, metricId, type Statistic } from '../logic/column_model';
import { comparisonState } from './comparison';

/** A comparison whose kernel answers when the test says so. */
function comparison() {
  const asked: {
    name: string;
    payload: RunsRequest;
    answer: (reply?: Partial<RunsReply>) => void;
    refuse: () => void;
  }[] = [];
  const request = (name: string, payload: RunsRequest, abort: AbortSignal) =>
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
        name,
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

test('sorting back shows the rows that are known at once, until the store changes or the query is applied again', async () => {
  const { search, query, pages, asked, update } = comparison();
  const orders = (descending: boolean) => search.sort({ column: 'metrics.loss', descending });
  const answer = async (run_id: string) => {
    asked.at(-1)!.answer({ rows: [{ ...sweep, run_id, children: 0 }], count: 1, total: 1 });
    await settled();
  };
  orders(true);
  await answer('low');
  orders(false);
  await answer('high');
  orders(true);
  await settled();
  assert.deepEqual([asked.length, pages.row(0)?.run_id, query.orders.peek()[0]?.descending], [2, 'low', true]);
  void update();
  assert.equal(asked.length, 3);
  await answer('lower');
  assert.equal(pages.row(0)?.run_id, 'lower');
  orders(false);
  assert.equal(asked.length, 4);
  await answer('higher');
  void search.apply(query.filter.peek());
  assert.equal(asked.length, 5);
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

const sweep = { run_id: 'sweep', children: 3, depth: 0, models: [] as string[] } as TableRow;

test('folding requests the page of its row, and keeps other changes that are being applied', async () => {
  const { search, pages, folding, asked } = comparison();
  void search.apply();
  const rows = Array.from({ length: 200 }, () => sweep);
  asked[0]!.answer({ rows, count: 500, total: 900, nested: 400 });
  await settled();
  search.ensure(400, 410, []);
  asked[1]!.answer({ rows: [sweep], count: 500, total: 900, nested: 400 });
  await settled();
  search.fold(400, true);
  assert.equal(folding.unfolded.peek().has('sweep'), false, 'the table changes when the answer arrives');
  assert.deepEqual([asked[2]!.payload.offset, asked[2]!.payload.unfolded], [400, ['sweep']]);
  asked[2]!.answer({ rows: [sweep], count: 503, total: 900, nested: 400 });
  await settled();
  assert.deepEqual(
    [pages.count.peek(), folding.unfolded.peek().has('sweep'), pages.row(400)?.run_id],
    [503, true, 'sweep'],
  );
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
  search.ensure(200, 210, []);
  asked[1]!.answer({ rows: Array.from({ length: 200 }, () => run('new')), count: 300, total: 300 });
  await settled();
  asked[2]!.answer({ rows: [run('old')], count: 500, total: 500 });
  await settled();
  assert.deepEqual([pages.row(200), pages.total.peek()], [undefined, 300]);
  search.ensure(200, 210, []);
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
  search.ensure(200, 210, []);
  void search.apply('wrong');
  asked[2]!.refuse();
  asked[1]!.answer({ rows: [sweep], count: 500, total: 500 });
  await settled();
  assert.equal(pages.row(200)?.run_id, 'sweep');
});

test('a page that could not be read is requested again', async () => {
  const { search, asked } = comparison();
  void search.apply();
  asked[0]!.answer({ rows: Array.from({ length: 200 }, () => sweep), count: 500, total: 500 });
  await settled();
  search.ensure(200, 210, []);
  search.ensure(200, 210, []);
  assert.equal(asked.length, 2);
  asked[1]!.refuse();
  await settled();
  search.ensure(200, 210, []);
  assert.equal(asked[2]!.payload.offset, 200);
});

const column = (key: string, statistic: Statistic = 'last') =>
  ({ id: metricId(key, statistic), kind: 'metric', key, statistic }) as Column;

const wide = (keys: string[], fields: Partial<RunsReply> = {}): Partial<RunsReply> => {
  const metrics = Object.fromEntries(keys.map((key) => [key, 1]));
  return {
    rows: [{ ...sweep, metrics, params: {}, nested_best: {} }],
    count: 500,
    total: 500,
    metrics: keys,
    ...fields,
  };
};

test('only the columns that come into sight are requested, each once', async () => {
  const { search, pages, columns, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(['m0', 'm1'], { metric_count: 12000, best_values: { m0: 1 } }));
  await settled();
  assert.equal(asked[1]!.name, 'columns');
  const names = {
    params: [],
    metrics: Array.from({ length: 12000 }, (_, i) => `m${i}`),
    lower_is_better: ['m7'],
    guessed: [],
  };
  asked[1]!.answer({ ...names, param_count: 0, metric_count: 12000 } as never);
  await settled();
  assert.deepEqual([columns.metrics.value.length, columns.complete.value], [12000, true]);
  search.ensure(0, 20, [column('m1'), column('m7'), column('m7', 'min')]);
  search.ensure(0, 20, [column('m1'), column('m7'), column('m7', 'min')]);
  search.ensure(0, 20, [column('m7'), column('m8')]);
  const keys = ({ payload }: { payload: RunsRequest }) => [payload.metrics, payload.statistics, payload.column_limit];
  assert.deepEqual(asked.slice(2).map(keys), [
    [['m7'], ['m7'], undefined],
    [['m8'], [], undefined],
  ]);
  asked[2]!.answer(wide(['m7'], { best_values: { m7: 1 } }));
  asked[3]!.answer(wide(['m8']));
  await settled();
  assert.deepEqual(Object.keys(pages.row(0)!.metrics), ['m0', 'm1', 'm7', 'm8']);
  assert.deepEqual([...columns.best.value.keys()], ['m0', 'm7']);
  assert.equal(columns.metrics.value.length, 12000, 'The names stay.');
});

test('sorting reads the columns in sight only, and another filter reads which columns there are', async () => {
  const { search, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(['m0', 'm1']));
  await settled();
  search.ensure(0, 20, [column('m1')]);
  search.sort(order);
  assert.deepEqual([asked[1]!.payload.metrics, asked[1]!.payload.column_limit], [['m1'], undefined]);
  assert.equal(asked[1]!.payload.summary, false, 'the best values are known');
  asked[1]!.answer(wide(['m1']));
  await settled();
  void search.apply('b');
  assert.deepEqual([asked[2]!.payload.metrics, asked[2]!.payload.column_limit], [undefined, 60]);
});

test('columns that were not in the first reply are summarized once', async () => {
  const { search, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(['m0']));
  await settled();
  search.ensure(0, 20, [column('m0'), column('m9')]);
  const others = () => asked.filter(({ name, payload }) => name === 'runs' && payload.metrics?.includes('m9'));
  assert.equal(others()[0]!.payload.summary, true);
  others()[0]!.answer(wide(['m9']));
  await settled();
  search.sort(order);
  assert.equal(others()[1]!.payload.summary, false);
});

test('a query that is set from outside reads which columns its runs have', async () => {
  const { search, view, asked } = comparison();
  void search.apply();
  asked[0]!.answer(wide(['m0']));
  await settled();
  const unfollow = search.follow();
  view.set({ query: 'b' });
  assert.deepEqual([asked[1]!.payload.filter, asked[1]!.payload.metrics], ['b', undefined]);
  view.set({ baseline: 'run' });
  assert.equal(asked[2]!.payload.baseline, 'run');
  unfollow();
});

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

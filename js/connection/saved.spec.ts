import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import type { RegistryReply, RunsReply, RunsRequest, TableRow } from '../contract';
import { comparisonState } from '../state/comparison';
import { groupsReply, runsReply } from '../testing/connection';
import { groupRow, tableRow } from '../testing/rows';
import { modelRow } from '../testing/versions';
import { SavedConnection } from './saved';
import type { Snapshot } from './snapshot';

/** Runs in the order that was asked for, each with its parent. */
const runs = (parents: Record<string, string | null>): TableRow[] =>
  Object.entries(parents).map(
    ([run_id, parent_run_id], i) =>
      ({
        run_id,
        run_name: run_id,
        parent_run_id,
        metrics: { m: i },
        params: {},
        depth: 0,
        children: 1,
      }) as unknown as TableRow,
  );
const lines = (rows: TableRow[]) => rows.map((row) => '.'.repeat(row.depth) + row.run_id);

test('a saved table folds, sorts and ungroups', async () => {
  const rows = runs({ s: null, s1: 's', s2: 's', t: null });
  const reply = { rows, params: [], metrics: ['m'], system: [], best: {} } as unknown as RunsReply;
  const connection = new SavedConnection({
    view: 'comparison',
    options: {},
    answers: { runs: { payload: {}, reply, buffers: [] } },
  } as unknown as Snapshot);
  const ask = async (grouped: boolean, unfolded: string[] | null, order_by: string[] = []) => {
    const page = { filter: '', experiment_ids: null, offset: 0, limit: 200 };
    return (await connection.request('runs', { ...page, order_by, grouped, unfolded })).reply;
  };
  assert.deepEqual(lines((await ask(true, ['s'])).rows), ['s', '.s1', '.s2', 't']);
  const folded = await ask(true, []);
  assert.deepEqual([lines(folded.rows), folded.count, folded.total, folded.nested], [['s', 't'], 2, 4, 2]);
  assert.deepEqual(lines((await ask(true, ['s'], ['metrics.m DESC'])).rows), ['t', 's', '.s2', '.s1']);
  assert.deepEqual(lines((await ask(false, null, ['metrics.m DESC'])).rows), ['t', 's2', 's1', 's']);
});

test('a saved table has its baseline, and another one of the saved runs can be chosen', async () => {
  const [a, outside] = [tableRow('a'), tableRow('outside')];
  const connection = new SavedConnection({
    view: 'comparison',
    options: {},
    answers: { runs: { payload: {}, reply: runsReply([a, tableRow('b')], { baseline: outside }), buffers: [] } },
  } as unknown as Snapshot);
  const ask = async (baseline: string | null) => {
    const page = { filter: '', experiment_ids: null, order_by: [], grouped: true, unfolded: [], offset: 0, limit: 200 };
    return (await connection.request('runs', { ...page, baseline })).reply.baseline?.run_id;
  };
  assert.deepEqual(
    [await ask('outside'), await ask('a'), await ask('c'), await ask(null)],
    ['outside', 'a', undefined, undefined],
  );
});

test('saved groups are sorted and unfold to their saved runs, and a notebook without them shows its runs', async () => {
  const rows = ['adam', 'sgd', 'adam'].map((optimizer, i) => tableRow(`r${i}`, { params: { optimizer } }));
  const groups = [groupRow('s:adam', { runs: 2 }), groupRow('s:sgd'), groupRow('none', { runs: 7 })];
  const [by, filter, sorts] = ['params.optimizer', '', ['params.optimizer DESC']];
  const answers = {
    runs: { payload: { filter, order_by: sorts }, reply: runsReply(rows), buffers: [] },
    groups: {
      payload: { by, filter, params: [], metrics: [] },
      reply: groupsReply(groups, { count: 40 }),
      buffers: [],
    },
  };
  const shown = async (kept: object) => {
    const connection = new SavedConnection({ view: 'comparison', options: {}, answers: kept } as unknown as Snapshot);
    const view = { group_by: by, sorts, unfolded_groups: ['s:adam', 'none'] };
    const { search, rows: table } = comparisonState(connection, signal(view));
    await search.apply();
    search.ensure(0, 12, []);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(search.error.peek(), null);
    return Array.from({ length: table.count.peek() }, (_, i) => {
      const item = table.item(i);
      return item?.run?.run_id ?? item?.group?.key;
    });
  };
  assert.deepEqual(await shown(answers), ['s:sgd', 's:adam', 'r0', 'r2', 'none']);
  assert.deepEqual(await shown({ runs: answers.runs }), ['r1', 'r0', 'r2']);
});

test('the models of a saved registry are searched by name', async () => {
  const models = ['Churn', 'digits'].map((name) => modelRow([], { name }));
  const reply: RegistryReply = { models, count: 1000 };
  const connection = new SavedConnection({
    view: 'registry',
    options: {},
    answers: { registry: { payload: { name: null }, reply, buffers: [] } },
  });
  const found = async (search?: string) => {
    const { reply: page } = await connection.request('registry', { name: null, search });
    return [page.models.map((model) => model.name), page.count];
  };
  assert.deepEqual(await found(), [['Churn', 'digits'], 1000]);
  assert.deepEqual(await found('CHUR'), [['Churn'], 1]);
  assert.deepEqual(await found('x'), [[], 0]);
});

test('the saved differences of the selected runs are shown, and those of other saved runs are computed', async () => {
  const rows = [tableRow('a', { params: { lr: '1' } }), tableRow('b', { params: { lr: '2' } })];
  const dataset = { section: 'dataset' as const, key: 'train', values: ['d', 'd'], differs: false };
  const connection = new SavedConnection({
    view: 'comparison',
    options: {},
    answers: {
      runs: { payload: {} as RunsRequest, reply: runsReply(rows), buffers: [] },
      diff: {
        payload: { run_ids: ['a', 'b'] },
        reply: { run_ids: ['a', 'b'], run_names: ['a', 'b'], rows: [dataset], count: 1 },
        buffers: [],
      },
    },
  });
  const keys = async (run_ids: string[]) =>
    (await connection.request('diff', { run_ids })).reply.rows.map((row) => row.key);
  assert.deepEqual(await keys(['a', 'b']), ['train']);
  assert.deepEqual(await keys(['b', 'a']), ['lr']);
});

test('the saved curves of groups are those of the metrics and the axis of a chart', async () => {
  const series = ['loss', 'acc'].map((metric) => ({ group: 's:adam', metric, points: 1 }));
  const buffers = Array.from({ length: 12 }, (_, i) => [i]);
  const payload = { by: 'params.optimizer', x_axis: 'step' };
  const connection = new SavedConnection({
    view: 'comparison',
    options: {},
    answers: { group_curves: { payload, reply: { series }, buffers } },
  } as unknown as Snapshot);
  const ask = async (x_axis: 'step' | 'time', groups: string[]) => {
    const window = { x_min: null, x_max: null, max_points: 500 };
    const runs = { filter: '', experiment_ids: null, by: 'params.optimizer', groups };
    const answer = await connection.request('group_curves', { ...window, ...runs, metrics: ['acc'], x_axis });
    return [answer.reply.series.map(({ metric }) => metric), answer.buffers.map(([value]) => value)];
  };
  assert.deepEqual(await ask('step', ['s:adam', 's:sgd']), [['acc'], [6, 7, 8, 9, 10, 11]]);
  assert.deepEqual(await ask('step', ['s:sgd']), [[], []]);
  assert.deepEqual(await ask('time', ['s:adam']), [[], []]);
});

test('a saved curve keeps its band and the marks of its values that are not finite', async () => {
  const series = ['a', 'b'].map((run_id, i) => ({
    ...{ run_id, key: 'acc', points: 1, total: 9 },
    ...(i === 0 ? { odd: 4, envelope: 6 } : { envelope: 9 }),
  }));
  const buffers = Array.from({ length: 12 }, (_, i) => [i]);
  const connection = new SavedConnection({
    view: 'comparison',
    options: {},
    answers: { curves: { payload: {}, reply: { series }, buffers } },
  } as unknown as Snapshot);
  const ask = async (...run_ids: string[]) => {
    const more = { x_axis: 'step' as const, x_min: null, x_max: null, max_points: 100 };
    const { reply, buffers } = await connection.request('curves', { run_ids, keys: ['acc'], ...more });
    return reply.series.map(({ odd, envelope }, i) =>
      [
        ...[...buffers.slice(2 * i, 2 * i + 2), ...(odd === undefined ? [] : buffers.slice(odd, odd + 2))],
        ...buffers.slice(envelope!, envelope! + 3),
      ].map(([value]) => value),
    );
  };
  assert.deepEqual(await ask('b'), [[2, 3, 9, 10, 11]]);
  assert.deepEqual(await ask('a', 'b'), [
    [0, 1, 4, 5, 6, 7, 8],
    [2, 3, 9, 10, 11],
  ]);
});

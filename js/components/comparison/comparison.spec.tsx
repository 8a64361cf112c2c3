import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { act, cleanup, render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { SavedConnection } from '../../connection/saved';
import { comparisonState } from '../../state/comparison';
import { FakeConnection, groupsReply, refusal, runsReply } from '../../testing/connection';
import { groupRow, tableRow } from '../../testing/rows';
import { Comparison } from './comparison';

const rows = [
  tableRow('good', { metrics: { acc: 0.9 }, params: { lr: '0.1' }, models: ['model'] }),
  tableRow('bad', { metrics: { acc: 0.2 }, params: { lr: '1' } }),
];

/** The comparison of two runs, on a kernel that finds `good` by its name. */
function comparison(answers: FakeConnection['answers'] = {}, live = true, view: object = {}) {
  const connection = new FakeConnection({
    runs: ({ filter }) => {
      if (filter === 'wrong') {
        throw refusal('INVALID_PARAMETER_VALUE', 'A comparison is missing.');
      }
      return runsReply(rows.filter((row) => filter === '' || row.run_id === filter));
    },
    curves: () => ({ series: [] }),
    diff: ({ run_ids }) => ({ run_ids, run_names: run_ids, rows: [] }),
    complete: () => ({ completions: [], count: 0 }),
    registry: () => ({ models: [] }),
    matches: () => ({ total: 0 }),
    filters: () => ({ filters: [] }),
    keep_filter: () => ({ filters: [] }),
    ...answers,
  });
  connection.live = live;
  const state = comparisonState(connection, signal(view));
  render(<Comparison state={state} />);
  return {
    connection,
    filter: state.query.filter,
    selected: state.selection.ids,
    user: userEvent.setup({ delay: null }),
  };
}

const names = () => screen.getAllByRole('checkbox', { name: /^Select / }).map((box) => box.getAttribute('aria-label'));

test('a filter narrows the table, and Python sees it', async () => {
  const { filter, user } = comparison();
  await screen.findByText('2 runs, 0 selected');
  await user.type(screen.getByLabelText('Filter runs'), 'good{Enter}');
  await screen.findByText('1 run, 0 selected');
  assert.deepEqual(names(), ['Select good']);
  assert.equal(filter.value, 'good');
});

test('of very many selected runs the first are compared, and the screen says so', async () => {
  const { connection, selected } = comparison();
  await screen.findByText('2 runs, 0 selected');
  selected.value = Array.from({ length: 1001 }, (_, i) => `run ${i}`);
  await screen.findByText('2 runs, 1,001 selected, of which the first 1,000 are compared');
  await waitFor(() => assert.equal(connection.payloads('diff').at(-1)?.run_ids.length, 1000));
  assert.equal(connection.payloads('curves').at(-1)?.run_ids.length, 1000);
});

test('a filter that is set from Python is applied', async () => {
  const { filter } = comparison();
  await screen.findByText('2 runs, 0 selected');
  filter.value = 'bad';
  await screen.findByText('1 run, 0 selected');
  assert.equal(screen.getByLabelText<HTMLInputElement>('Filter runs').value, 'bad');
});

test('after a wrong filter the table keeps its rows, and the query box says what is wrong', async () => {
  const { user } = comparison();
  await screen.findByText('2 runs, 0 selected');
  await user.type(screen.getByLabelText('Filter runs'), 'wrong{Enter}');
  await screen.findByText('A comparison is missing.');
  assert.equal(names().length, 2);
  await screen.findByText('The table still shows the results of the last valid filter.');
});

test('after a wrong filter that follows an empty result, no table is mentioned', async () => {
  const { user } = comparison();
  await screen.findByText('2 runs, 0 selected');
  await user.type(screen.getByLabelText('Filter runs'), 'none{Enter}');
  await screen.findByText('No run matches this filter. Clear it to see all runs.');
  await user.clear(screen.getByLabelText('Filter runs'));
  await user.type(screen.getByLabelText('Filter runs'), 'wrong{Enter}');
  await screen.findByText(/No run matched the last valid filter/);
  assert.equal(screen.queryByText(/The table still shows/), null);
});

test('differences from the baseline say which side is better, in words too', async () => {
  const baseline = tableRow('bad', { metrics: { acc: 0.2, loss: 1 } });
  const others = [
    baseline,
    tableRow('good', { metrics: { acc: 0.5, loss: 0.25 } }),
    tableRow('same', { metrics: baseline.metrics }),
  ];
  const { connection, selected, user } = comparison({
    runs: ({ baseline: id }) => runsReply(others, { lower_is_better: ['loss'], baseline: id ? baseline : null }),
  });
  await screen.findByText('3 runs, 0 selected');
  selected.value = ['bad', 'good'];
  await user.selectOptions(await screen.findByLabelText('Baseline'), 'bad');
  await waitFor(() => assert.ok(document.querySelector('.nbt-baseline-mark')));
  assert.equal(connection.payloads('runs').at(-1)?.baseline, 'bad');
  const differences = [...document.querySelectorAll('.nbt-difference')];
  assert.deepEqual(
    differences.map((mark) => [mark.textContent, mark.getAttribute('title')]),
    [
      ['▲+0.3000', 'better than the baseline'],
      ['▲−0.7500', 'better than the baseline'],
      ['=', 'the same as the baseline'],
      ['=', 'the same as the baseline'],
    ],
  );
});

test('the table is copied with the columns that are shown, for spreadsheets and as Markdown', async () => {
  const hostile = tableRow('=cmd|x', { params: { lr: 'a\tb', note: '<b>|' }, metrics: { acc: -0.5 } });
  const { user } = comparison({ runs: () => runsReply([hostile, tableRow('b', { params: { lr: '-1' } })]) });
  await screen.findByText('2 runs, 0 selected');
  await user.click(screen.getByRole('button', { name: 'TSV' }));
  await screen.findByText('Copied 2 rows.');
  const lines = (await navigator.clipboard.readText()).split('\n').map((line) => line.split('\t').slice(0, 4));
  assert.deepEqual(lines, [
    ['run', 'acc', 'lr', 'note'],
    ["'=cmd|x", '-0.5', 'a b', '<b>|'],
    ['b', '', '-1', ''],
  ]);
  await user.click(screen.getByRole('button', { name: 'Markdown' }));
  await waitFor(async () => assert.match(await navigator.clipboard.readText(), /^\| run \| acc \| lr/));
  const text = await navigator.clipboard.readText();
  assert.match(text, /\n\| --- \| ---: \| --- \|/);
  assert.match(text, /\n\| =cmd\\\|x \| -0\.5 \| a\tb \| \\<b\\>\\\| \|/);
});

const acc = { n: 2, mean: 0.55, std: 0.5, min: 0.2, max: 0.9 };
const optimizers = [
  groupRow('s:=adam', { runs: 3, metrics: { acc }, differing: { lr: 2 } }),
  groupRow('none', { metrics: { acc: { n: 1, mean: -0.5, std: null, min: -0.5, max: -0.5 } }, params: { lr: '1' } }),
];

test('groups are counted, selected, compared with one of them, and copied', async () => {
  const { user } = comparison(
    {
      groups: ({ baseline_group }) =>
        groupsReply(optimizers, { baseline_group: baseline_group ? optimizers[1]! : null }),
    },
    true,
    { group_by: 'params.optimizer' },
  );
  await screen.findByText('2 groups of 2 runs, 0 selected');
  await user.click(screen.getByRole('checkbox', { name: 'Select optimizer =adam' }));
  await user.click(screen.getByRole('checkbox', { name: 'Select optimizer no value' }));
  await screen.findByText('2 groups of 2 runs, 2 groups selected');
  await user.selectOptions(screen.getByLabelText('Baseline'), 'optimizer no value');
  await screen.findByTitle('better than the baseline');
  await user.click(screen.getByRole('button', { name: 'TSV' }));
  await screen.findByText('Copied 2 groups.');
  const table = (await navigator.clipboard.readText()).split('\n').map((line) => line.split('\t'));
  assert.ok(table[0]!.includes('duration_ms.mean'), 'The header names the unit.');
  const lines = table.map((line) => line.slice(0, 8));
  assert.deepEqual(lines, [
    ['optimizer', 'runs', 'acc.mean', 'acc.std', 'acc.min', 'acc.max', 'acc.n', 'lr'],
    ["'=adam", '3', '0.55', '0.5', '0.2', '0.9', '2', '2 different values'],
    ['no value', '1', '-0.5', '', '-0.5', '-0.5', '1', '1'],
  ]);
  await user.click(screen.getByRole('button', { name: 'Clear selection' }));
  await screen.findByText('2 groups of 2 runs, 0 selected');
});

test('beside groups, selected runs are counted as runs', async () => {
  comparison({ groups: () => groupsReply(optimizers) }, true, { group_by: 'params.optimizer', selected: ['a', 'b'] });
  await screen.findByText('2 groups of 2 runs, 2 runs selected');
});

test('the code that shows the view again is copied', async () => {
  const { connection, filter, user } = comparison({
    python: ({ view }) => {
      if (view.query === '') {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The store is busy.');
      }
      return { code: `# ${view.query}` };
    },
  });
  await screen.findByText('2 runs, 0 selected');
  await user.click(screen.getByRole('button', { name: 'Python' }));
  await screen.findByText('Not copied: The store is busy.');
  filter.value = 'good';
  await screen.findByText('1 run, 0 selected');
  await user.click(screen.getByRole('button', { name: 'Python' }));
  await screen.findByText('Copied the code.');
  assert.equal(await navigator.clipboard.readText(), '# good');
  assert.equal(connection.payloads('python').at(-1)?.experiment_ids, null);
});

test('a copied table has no values of nested runs, which only the tooltip has', async () => {
  const parent = tableRow('sweep', { children: 2, nested_best: { acc: 0.9, loss: 0.25 }, metrics: { acc: 0.5 } });
  const { user } = comparison({ runs: () => runsReply([parent], { metrics: ['acc', 'loss'] }) });
  const row = (await screen.findByText('sweep')).closest('tr')!;
  const titles = [...row.querySelectorAll<HTMLElement>('td.nbt-number')].slice(0, 2).map((cell) => cell.title);
  const nested = 'the best value of its nested runs';
  assert.deepEqual(titles, [`0.5\n0.9, ${nested}`, `0.25, ${nested}`]);
  await user.click(screen.getByRole('button', { name: 'TSV' }));
  await screen.findByText('Copied 1 row.');
  const [, line] = (await navigator.clipboard.readText()).split('\n').map((each) => each.split('\t').slice(0, 3));
  assert.deepEqual(line, ['sweep', '0.5', '']);
});

test('a saved table says how many columns there were, and one of an earlier version has them all', async () => {
  comparison({ runs: () => runsReply(rows, { param_count: 900, differing_count: 300 }) }, false);
  await screen.findByText('2 of 301 columns');
  assert.equal(screen.queryByRole('button', { name: 'Show more columns' }), null);
  await userEvent.click(screen.getByLabelText('Show 600 params that are the same in every run'));
  await screen.findByText('2 of 901 columns');
  cleanup();
  comparison({}, false);
  await screen.findByText('2 runs, 0 selected');
  assert.equal(screen.queryByText(/columns/), null);
});

test('a request that failed is sent again on demand', async () => {
  let failures = 1;
  const { connection, user } = comparison({
    runs: () => {
      if (failures-- > 0) {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
      }
      return runsReply(rows);
    },
  });
  await screen.findByText('The kernel is busy.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('2 runs, 0 selected');
  assert.equal(screen.queryByText('The kernel is busy.'), null);
  assert.equal(connection.payloads('runs').length, 2);
});

test('selected runs are compared, and the selection is cleared at once', async () => {
  const { connection, selected, user } = comparison();
  await user.click(await screen.findByRole('checkbox', { name: 'Select bad' }));
  await user.click(screen.getByRole('checkbox', { name: 'Select good' }));
  await screen.findByText('2 runs, 2 selected');
  assert.deepEqual(selected.value, ['bad', 'good']);
  await waitFor(() => assert.deepEqual(connection.payloads('diff').at(-1)?.run_ids, ['bad', 'good']));
  assert.deepEqual(connection.payloads('curves').at(-1)?.keys, ['acc']);
  await user.click(screen.getByRole('button', { name: 'Clear selection' }));
  assert.deepEqual(selected.value, []);
  await screen.findByText('Select runs in the table to see their curves.');
});

test('sorting requests neither curves nor differences again, and a change of the store shows a new run', async () => {
  const { connection, user } = comparison();
  await user.click(await screen.findByRole('checkbox', { name: 'Select bad' }));
  await waitFor(() => assert.equal(connection.payloads('diff').length, 1));
  await waitFor(() => assert.equal(connection.payloads('curves').length, 1));
  const sorts = connection.payloads('runs').length;
  for (const name of [/^acc/, /^lr/, /^acc/, /^acc/]) {
    await user.click(screen.getByRole('button', { name }));
  }
  await waitFor(() => assert.ok(connection.payloads('runs').length > sorts));
  assert.deepEqual([connection.payloads('diff').length, connection.payloads('curves').length], [1, 1]);
  rows.push(tableRow('new'));
  await act(() => connection.change());
  rows.pop();
  await screen.findByRole('checkbox', { name: 'Select new' });
  await waitFor(() => assert.ok(connection.payloads('diff').length > 1));
});

test('the model of a run is registered from its row', async () => {
  const { user } = comparison();
  await user.click(await screen.findByRole('button', { name: 'Register model of good' }));
  assert.ok(screen.getByRole('dialog', { name: 'Register model of good' }));
  await user.click(screen.getByRole('button', { name: 'Close' }));
  assert.equal(screen.queryByRole('dialog'), null);
});

test('a saved notebook says how many groups were kept, or how many of their runs', async () => {
  const acc = { n: 1, mean: 1, std: null, min: 1, max: 1 };
  const groups = [groupRow('n:0.1', { metrics: { acc } })];
  const shown = (count: number, total: number) => {
    const answers = {
      runs: { payload: {}, reply: runsReply(rows, { total }), buffers: [] },
      groups: {
        payload: { by: 'params.lr', filter: '', params: [], metrics: [] },
        reply: groupsReply(groups, { count }),
        buffers: [],
      },
    };
    const connection = new SavedConnection({ view: 'comparison', options: {}, answers } as never);
    render(<Comparison state={comparisonState(connection, signal({ group_by: 'params.lr' }))} />);
    return screen.findByText(/were kept/);
  };
  assert.match((await shown(40, 900)).textContent, /The first 1 of 40 groups were kept/);
  cleanup();
  assert.match((await shown(1, 900)).textContent, /The first 2 of 900 runs were kept/);
});

test('a saved comparison can be read, and offers nothing that needs a kernel', async () => {
  comparison({}, false);
  await screen.findByText('2 runs, 0 selected');
  assert.ok(screen.getByLabelText<HTMLInputElement>('Filter runs').disabled);
  assert.equal(screen.queryByRole('button', { name: 'Refresh' }), null);
  assert.equal(screen.queryByRole('button', { name: 'Register model of good' }), null);
  assert.ok(within(screen.getByRole('grid')).getByText('logged'));
});

test('without runs the comparison says how to log one', async () => {
  comparison({ runs: () => runsReply([]) });
  await screen.findByText(/^No runs yet/);
});

test('a filter on a key that no run has offers those that resemble it', async () => {
  const hints = [{ key: 'metrics.accuracy', near: ['metrics.`val/accuracy`'] }];
  const { filter, user } = comparison({
    runs: ({ filter: text }) => (text.includes('metrics.accuracy') ? runsReply([], { hints }) : runsReply(rows)),
  });
  await screen.findByText('2 runs, 0 selected');
  await user.type(screen.getByLabelText('Filter runs'), 'metrics.accuracy > 0.9{Enter}');
  await screen.findByText(/No run has/);
  await user.click(screen.getByRole('button', { name: 'metrics.`val/accuracy`' }));
  await screen.findByText('2 runs, 0 selected');
  assert.equal(filter.value, 'metrics.`val/accuracy` > 0.9');
});

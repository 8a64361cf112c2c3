import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { DiffRow, ViewState } from '../../contract';
import { ColumnState } from '../../state/columns';
import { GroupPages } from '../../state/groups';
import { RunPages } from '../../state/pages';
import { QueryState } from '../../state/query';
import { Selection } from '../../state/selection';
import { FakeConnection } from '../../testing/connection';
import { viewOf } from '../../testing/view';
import { ParameterDiff } from './parameter_diff';

function diff(selected: string[], answers: FakeConnection['answers'] = {}, fields: Partial<ViewState> = {}) {
  const connection = new FakeConnection({
    diff: ({ run_ids }) => ({
      run_ids,
      run_names: run_ids.map((id) => `<i>${id}</i>`),
      rows: [
        { section: 'param', key: 'lr', values: run_ids.map((_, i) => (i === 0 ? '0.1' : null)), differs: true },
        { section: 'param', key: 'seed', values: run_ids.map(() => '7'), differs: false },
        { section: 'metric', key: 'acc', values: run_ids.map((_, i) => String(i / 3)), differs: true },
        { section: 'info', key: 'duration', values: run_ids.map((_, i) => `${i} s`), differs: true },
      ],
    }),
    ...answers,
  });
  const view = viewOf({ selected, ...fields });
  const [selection, pages, columns] = [new Selection(view), new RunPages(), new ColumnState(view)];
  const groups = new GroupPages(view, pages);
  groups.by.value = fields.group_by ?? null;
  columns.lower.value = new Set(['loss']);
  render(<ParameterDiff {...{ connection, selection, pages, columns, groups }} query={new QueryState(view)} />);
  return { connection, selection, user: userEvent.setup({ delay: null }) };
}

test('selected runs are shown side by side, a missing value is a dash, and run names stay text', async () => {
  diff(['a', 'b']);
  const row = await screen.findByRole('row', { name: /^lr differs/ });
  assert.deepEqual(
    [...row.querySelectorAll('td:not(.nbt-gap)')].map((cell) => cell.textContent),
    ['0.1', '–'],
  );
  assert.ok(screen.getByText('<i>a</i>'));
  assert.equal(document.querySelector('i'), null);
});

test('rows that are equal can be hidden; what always differs is not counted as a difference', async () => {
  const { user } = diff(['a', 'b']);
  await screen.findByText('seed');
  await user.click(screen.getByLabelText('Only differences (2)'));
  assert.equal(screen.queryByText('seed'), null);
  assert.ok(screen.getByText('lr'));
});

test('another selected run compares again, and without a selection nothing is compared', async () => {
  const { connection, selection } = diff(['a']);
  await screen.findByText('seed');
  selection.toggle('b');
  await waitFor(() => assert.deepEqual(connection.payloads('diff').at(-1)?.run_ids, ['a', 'b']));
  selection.clear();
  await screen.findByText('Select runs to compare their params and metrics.');
  assert.equal(connection.payloads('diff').length, 2);
});

test('a comparison of very many rows loads more of them on request', async () => {
  const { connection, user } = diff(['a'], {
    diff: ({ run_ids, offset = 0 }) => ({
      run_ids,
      run_names: run_ids,
      rows: [{ section: 'param', key: `param ${offset}`, values: ['1'], differs: false }],
      count: 2,
    }),
  });
  await screen.findByText('1 of 2 rows');
  await user.click(screen.getByRole('button', { name: 'Show more rows' }));
  await screen.findByText('param 1');
  assert.ok(screen.getByText('param 0'));
  assert.equal(screen.queryByRole('button', { name: 'Show more rows' }), null);
  assert.equal(connection.payloads('diff').at(-1)?.offset, 1);
});

test('values that are not finite are shown as in the table', async () => {
  diff(['a', 'b', 'c', 'd'], {
    diff: ({ run_ids }) => ({
      run_ids,
      run_names: run_ids,
      rows: [{ section: 'metric', key: 'acc', values: ['inf', '-inf', 'nan', '1e+20'], differs: true }],
    }),
  });
  const row = await screen.findByRole('row', { name: /^acc differs/ });
  const shown = [...row.querySelectorAll('td:not(.nbt-gap)')].map((cell) => cell.textContent);
  assert.deepEqual(shown.slice(0, 3), ['∞', '−∞', 'NaN']);
  assert.notEqual(shown[3], 'NaN');
});

/** Return the texts of the cells of a row. */
const cellsOf = (row: Element) => [...row.querySelectorAll('td:not(.nbt-gap)')].map((cell) => cell.textContent);

test('groups are summarized beside the runs, and differences are those from the baseline group, which comes first', async () => {
  const of = (value: string | null, differing = 0, mean?: number, std: number | null = null, n = 3) => ({
    ...{ value, differing },
    statistics: mean === undefined ? null : { n, mean, std, min: mean, max: mean },
  });
  const rows: DiffRow[] = [
    { section: 'param', key: 'lr', values: ['0.1'], differs: true, groups: [of('0.1'), of(null, 2)] },
    {
      section: 'metric',
      key: 'loss',
      values: ['0.5'],
      differs: true,
      groups: [of(null, 0, 1, 0.25, 2), of(null, 0, 2)],
    },
    { section: 'tag', key: 'team', values: ['a'], differs: false, groups: [of(null), of(null)] },
  ];
  const found = ['s:adam', 's:<i>sgd</i>'].map((key) => ({ key, value: key.slice(2), runs: 3 }));
  const { connection, selection } = diff(
    ['a'],
    { diff: ({ run_ids }) => ({ run_ids, run_names: run_ids, groups: found, rows }) },
    { group_by: 'params.opt', selected_groups: ['s:adam'], baseline_group: 's:<i>sgd</i>', query: 'params.lr > 0' },
  );
  const loss = await screen.findByRole('row', { name: /^loss differs/ });
  assert.deepEqual(connection.payloads('diff'), [
    {
      ...{ run_ids: ['a'], by: 'params.opt', groups: ['s:<i>sgd</i>', 's:adam'] },
      ...{ filter: 'params.lr > 0', experiment_ids: null },
    },
  ]);
  const heads = screen.getAllByRole('columnheader').map((head) => head.textContent);
  assert.deepEqual(heads, ['Key', '<i>sgd</i>3baseline', 'adam3', 'a']);
  assert.equal(document.querySelector('i'), null);
  assert.deepEqual(cellsOf(loss), ['2', '1±0.25 2 of 3▲−1', '0.5000▲−1.500']);
  assert.deepEqual(cellsOf(screen.getByRole('row', { name: /^lr differs/ })), ['2 values', '0.1', '0.1']);
  assert.deepEqual(cellsOf(screen.getByRole('row', { name: /^team/ })), ['', '', 'a']);
  // Without groups, the baseline can be a run.
  selection.setBaseline({ kind: 'run', id: 'b' });
  await waitFor(() => assert.deepEqual(connection.payloads('diff').at(-1)!.run_ids, ['b', 'a']));
});

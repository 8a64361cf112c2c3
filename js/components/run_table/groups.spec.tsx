import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { fireEvent, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { GroupRow, GroupsRequest, RunsReply, RunsRequest, TableRow, ViewState } from '../../contract';
import { comparisonState } from '../../state/comparison';
import { FakeConnection, groupsReply, runsReply } from '../../testing/connection';
import { groupRow, tableRow } from '../../testing/rows';
import { RunTable } from './run_table';

const acc = (mean: number, std: number | null, n = 2) => ({ n, mean, std, min: mean - 0.1, max: mean + 0.1 });
const ADAM = groupRow('s:adam', {
  runs: 3,
  params: { lr: '0.1' },
  metrics: { acc: acc(0.9, 0.0123, 2) },
  columns: { 'attributes.duration': acc(2000, 10) },
});
const SGD = groupRow('s:sgd', { runs: 2, differing: { lr: 2 }, metrics: { acc: acc(0.5, null, 1) } });
const RUNS: Record<string, TableRow[]> = {
  's:adam': ['a1', 'a2', 'a3'].map((id, i) => tableRow(id, { metrics: { acc: 0.8 + i / 10 }, params: { lr: '0.1' } })),
  's:sgd': ['s1', 's2'].map((id, i) => tableRow(id, { metrics: { acc: 0.5 }, params: { lr: `${i}` } })),
};

/** The table of a kernel whose runs are grouped, by default those above by their optimizers. */
async function table(
  view: Partial<ViewState> = {},
  groups: GroupRow[] = [ADAM, SGD],
  runsOf: (key: string) => TableRow[] = (key) => RUNS[key] ?? [],
) {
  const find = (key: string | null | undefined) => groups.find((group) => group.key === key) ?? null;
  const all = groups.slice(0, 9).flatMap(({ key }) => runsOf(key));
  const runs = ({ group, offset, limit, baseline, baseline_group }: RunsRequest): RunsReply => {
    const found = group ? runsOf(group.key) : all;
    return runsReply(found.slice(offset, offset + limit), {
      count: found.length,
      total: found.length,
      params: [{ key: 'lr', differs: true }],
      metrics: ['acc'],
      baseline: all.find((row) => row.run_id === baseline) ?? null,
      baseline_group: find(baseline_group?.key),
    });
  };
  const connection = new FakeConnection({
    runs,
    groups: ({ offset, limit, baseline, baseline_group }: GroupsRequest) =>
      groupsReply(groups.slice(offset, offset + limit), {
        count: groups.length,
        best: { acc: 's:adam' },
        baseline: all.find((row) => row.run_id === baseline) ?? null,
        baseline_group: find(baseline_group),
      }),
  });
  const state = comparisonState(connection, signal({ group_by: 'params.optimizer', ...view }));
  render(<RunTable {...state} register={null} />);
  const unfollow = state.search.follow();
  await state.search.apply();
  await waitFor(() => assert.ok(document.querySelector('.nbt-row')));
  return { connection, state, unfollow, user: userEvent.setup({ delay: null }) };
}

const rowOf = (index: number) => document.querySelector<HTMLElement>(`[data-index="${index}"]`)!;
const grid = () => document.querySelector<HTMLElement>('.nbt-runs')!;
const cells = (row: HTMLElement) =>
  [...row.querySelectorAll<HTMLElement>('td:not(.nbt-gap)')].slice(2, 5).map((cell) => cell.textContent);
const activeRow = (index: number) =>
  waitFor(() => {
    const active = document.getElementById(grid().getAttribute('aria-activedescendant')!);
    assert.equal(active?.closest('tr')?.getAttribute('data-index'), String(index));
  });

test('a group is a row with its mean and standard deviation, and with what its runs have in common', async () => {
  const { connection } = await table();
  assert.equal(screen.getByRole('treegrid', { name: 'Runs by optimizer' }).getAttribute('aria-rowcount'), '4');
  assert.deepEqual(cells(rowOf(0)), ['▸adam3baseline', '0.9000±0.012', '0.1']);
  assert.deepEqual(cells(rowOf(1)), ['▸sgd2baseline', '0.5000', '2 values']);
  assert.ok(rowOf(0).querySelector('[title="Best mean of all groups"]'));
  assert.equal(rowOf(1).querySelector('.nbt-best'), null);
  assert.match(
    rowOf(0).querySelectorAll<HTMLElement>('.nbt-number')[0]!.title,
    /std 0.0123\nmin 0.8\nmax 1\nvalues 2 of 3 runs/,
  );
  assert.match(rowOf(0).textContent, /2.0 s/);
  const [request] = connection.payloads('groups');
  assert.deepEqual(
    [request?.by, request?.metrics, request?.params, request?.columns],
    ['params.optimizer', ['acc'], ['lr'], ['attributes.duration']],
  );
});

test('arrows unfold a group to its runs, which are read then, and return from a run to its group', async () => {
  const { connection, state, user } = await table();
  const asked = connection.payloads('runs').length;
  grid().focus();
  await user.keyboard('{ArrowRight}');
  await screen.findByText('a3');
  assert.equal(rowOf(0).getAttribute('aria-expanded'), 'true');
  assert.deepEqual([rowOf(2).getAttribute('aria-level'), rowOf(4).dataset.group], ['2', 's:sgd']);
  assert.deepEqual(connection.payloads('runs').at(-1)?.group, { by: 'params.optimizer', key: 's:adam' });
  assert.equal(connection.payloads('runs').length, asked + 1);
  await user.keyboard('{ArrowDown}{ArrowDown} ');
  assert.deepEqual(state.selection.ids.value, ['a2']);
  await user.keyboard('{ArrowLeft}');
  await activeRow(0);
  await user.keyboard(' {ArrowLeft}');
  assert.deepEqual(state.selection.groups.value, ['s:adam']);
  await waitFor(() => assert.equal(screen.queryByText('a3'), null));
  await waitFor(() => assert.equal(rowOf(0).getAttribute('aria-selected'), 'true'));
  await user.click(screen.getByRole('button', { name: 'Show the 2 runs of optimizer sgd' }));
  await screen.findByText('s2');
  assert.deepEqual(state.view.peek().unfolded_groups, ['s:sgd']);
});

test('of 10,000 groups and of groups of 3,000 runs only the rows in sight are in the page and are read', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => groupRow(`n:${i}`));
  const { connection, user } = await table({}, many, () => []);
  grid().focus();
  await user.keyboard('{Control>}{End}{/Control}');
  await waitFor(() => assert.equal(rowOf(9_999).dataset.group, 'n:9999'));
  assert.ok(document.querySelectorAll('.nbt-row').length < 40);
  assert.deepEqual(
    connection.payloads('groups').map(({ offset }) => offset),
    [0, 9_900],
  );
});

test('the runs of large unfolded groups are paged', async () => {
  const large = ['s:a', 's:b', 's:c'].map((key) => groupRow(key, { runs: 3_000 }));
  const { connection, user } = await table({ unfolded_groups: ['s:b', 's:c'] }, large, (key) =>
    Array.from({ length: 3_000 }, (_, i) => tableRow(`${key} ${i}`)),
  );
  assert.equal(grid().getAttribute('aria-rowcount'), '6005');
  grid().focus();
  await user.keyboard('{Control>}{End}{/Control}');
  await waitFor(() => assert.equal(rowOf(6_002).dataset.runId, 's:c 2999'));
  const pages = connection.payloads('runs').flatMap(({ group, offset }) => (group ? [[group.key, offset]] : []));
  assert.deepEqual(pages, [
    ['s:b', 0],
    ['s:c', 2_800],
  ]);
  await user.keyboard('{ArrowLeft}');
  await activeRow(3_002);
});

test('groups and runs show their differences from a group, whose row stays below the header', async () => {
  const { connection, state, unfollow, user } = await table({ unfolded_groups: ['s:sgd'] });
  await screen.findByText('s1');
  grid().focus();
  await user.keyboard('b');
  await waitFor(() => assert.ok(document.querySelector('thead .nbt-pinned-baseline')));
  assert.deepEqual([state.view.peek().baseline, state.view.peek().baseline_group], [null, 's:adam']);
  assert.equal(connection.payloads('groups').at(-1)?.baseline_group, 's:adam');
  assert.deepEqual(cells(document.querySelector('.nbt-pinned-baseline')!), ['adam3baseline', '0.9000±0.012', '0.1']);
  const differences = [...document.querySelectorAll('tbody .nbt-difference')].map((mark) => mark.textContent);
  assert.deepEqual(differences, ['▼−0.4000', '▼−0.4000', '▼−0.4000']);
  assert.equal(rowOf(1).getAttribute('aria-rowindex'), '5');
  await user.click(screen.getByRole('button', { name: 'Make s2 the baseline' }));
  await waitFor(() => assert.equal(state.view.peek().baseline, 's2'));
  await waitFor(() => assert.match(rowOf(0).textContent, /±0.012▲\+0.4000/));
  await user.click(screen.getByRole('button', { name: 'Remove the baseline' }));
  await waitFor(() => assert.equal(document.querySelector('.nbt-difference'), null));
  unfollow();
});

test('best and mean values are compared with those of the baseline, which come with the rows', async () => {
  const all = (mean: number) => ({ first: 0, low: 0, high: mean, mean, tail: mean });
  const rows = [1, 3].map((mean, i) => tableRow(`r${i}`, { metrics: { acc: 1 }, statistics: { acc: all(mean) } }));
  const connection = new FakeConnection({
    runs: ({ baseline, statistics }) =>
      runsReply(rows, {
        baseline: baseline
          ? tableRow('out', { metrics: { acc: 5 }, statistics: statistics?.length ? { acc: all(2) } : {} })
          : null,
      }),
  });
  const columns = [{ column: 'mean(metrics.acc)', width: null, hidden: false, pinned: false, before: null }];
  const state = comparisonState(connection, signal({ baseline: 'out', columns }));
  render(<RunTable {...state} register={null} />);
  await state.search.apply();
  await waitFor(() => assert.match(rowOf(0).textContent, /1▼−41▼−1/));
  assert.match(rowOf(1).textContent, /1▼−43▲\+1/);
  assert.match(document.querySelector('.nbt-pinned-baseline')!.textContent, /out.*5.*2/);
  assert.ok(connection.payloads('runs').every(({ filter }) => filter === ''));
});

test('the menu of a column sorts groups by another statistic, which they show then', async () => {
  const { connection, state, user } = await table();
  grid().focus();
  await user.keyboard('{ArrowUp}{ArrowRight}m');
  const menu = await screen.findByRole('menu', { name: 'Column acc' });
  assert.ok(menu.contains(document.activeElement));
  await user.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}');
  assert.equal(document.activeElement?.textContent, 'Groups by standard deviation');
  await user.keyboard('{Enter}');
  await waitFor(() => assert.equal(rowOf(0).querySelector('.nbt-number')?.textContent, '±0.01230'));
  const { order_by, statistic } = connection.payloads('groups').at(-1)!;
  assert.deepEqual([order_by, statistic, state.view.peek().group_statistic], [['metrics.acc DESC'], 'std', 'std']);
  assert.ok(document.activeElement === grid());
  await user.keyboard('{Escape}m{Escape}');
  assert.equal(screen.queryByRole('menu'), null);
  await user.keyboard('m');
  await screen.findByRole('menu');
  await user.click(document.body);
  assert.equal(screen.queryByRole('menu'), null);
  await user.click(screen.getByRole('button', { name: 'optimizer' }));
  await waitFor(() => assert.deepEqual(connection.payloads('groups').at(-1)?.order_by, ['params.optimizer ASC']));
});

test('runs are grouped by a column from its menu, and the groups are taken away from theirs', async () => {
  const { connection, state, user } = await table({ group_by: null });
  assert.equal(screen.getByRole('grid', { name: 'Runs' }).getAttribute('aria-rowcount'), '7');
  fireEvent.contextMenu(document.querySelector('th[data-column="params.lr"]')!);
  await user.click(await screen.findByRole('menuitem', { name: 'Group by this column' }));
  await waitFor(() => assert.equal(state.view.peek().group_by, 'params.lr'));
  await waitFor(() => assert.equal(document.querySelectorAll('.nbt-group-row').length, 2));
  assert.equal(document.querySelectorAll('th[data-column="params.lr"]').length, 1, 'only as the names of the groups');
  const asked = connection.payloads('runs').length;
  await user.click(screen.getByRole('button', { name: 'Menu of lr' }));
  await user.click(await screen.findByRole('menuitem', { name: 'Stop grouping' }));
  await waitFor(() => assert.equal(document.querySelectorAll('.nbt-group-row').length, 0));
  assert.equal(connection.payloads('runs').length, asked + 1);
});

test('when the store has changed, the groups in sight are read again, and their runs stay until then', async () => {
  const { connection, state } = await table({ unfolded_groups: ['s:adam'] });
  await screen.findByText('a3');
  const before = connection.payloads('groups').length;
  await state.update();
  assert.ok(screen.getByText('a3'));
  assert.equal(connection.payloads('groups').length, before + 1);
  await waitFor(() => assert.equal(connection.payloads('runs').filter(({ group }) => group).length, 2));
});

test('a row under the pointer or with the focus is marked, for its curve too', async () => {
  const { state, user } = await table();
  await user.hover(rowOf(1));
  assert.equal(state.selection.marked.value, 's:sgd');
  assert.ok(rowOf(1).hasAttribute('data-marked'));
  await user.unhover(grid());
  assert.equal(state.selection.marked.value, null);
  grid().focus();
  assert.equal(state.selection.marked.value, 's:adam');
  state.selection.marked.value = 's:sgd';
  assert.deepEqual(
    [rowOf(0), rowOf(1)].map((row) => row.hasAttribute('data-marked')),
    [false, true],
  );
});

test('the column of names fits the groups, then the runs, and models come last', async () => {
  const [a, b] = ['a', 'b'].map((end) => groupRow(`s:width 128, rate 0.02, alpha 0.1${end}`));
  const { state } = await table({}, [a!, b!], () => [tableRow('r1', { models: ['m'] })]);
  const width = () => Number.parseInt(document.querySelectorAll('col')[2]!.style.width, 10);
  assert.ok(width() > 270 && width() <= 320, `${width()}`);
  assert.equal(state.columns.shown.value.at(-1)?.id, 'models');
  await state.search.groupBy(null);
  await waitFor(() => assert.equal(width(), 200));
  assert.equal(state.columns.shown.value[0]?.id, 'models');
});

test('each group with the best mean is marked', async () => {
  const tied = ['s:adam', 's:sgd', 's:lion'].map((key, i) =>
    groupRow(key, { metrics: { acc: acc(i < 2 ? 0.9 : 0.5, 0) } }),
  );
  await table({}, tied, () => []);
  const marked = [...document.querySelectorAll('[title="Best mean of all groups"]')];
  assert.deepEqual(
    marked.map((mark) => mark.closest('tr')?.dataset.group),
    ['s:adam', 's:sgd'],
  );
});

test('a single group is not marked as the best', async () => {
  await table({}, [ADAM], () => []);
  assert.match(rowOf(0).textContent, /0.9000/);
  assert.equal(document.querySelector('.nbt-best'), null);
});

test('the column of names becomes wider for the runs of a group that is unfolded', async () => {
  const { user } = await table({}, [ADAM, SGD], () => [
    tableRow('r', { run_name: 'width 128, rate 0.02, alpha 0.1, seed 1' }),
  ]);
  const width = () => Number.parseInt(document.querySelectorAll('col')[2]!.style.width, 10);
  assert.equal(width(), 200);
  await user.click(screen.getByRole('button', { name: 'Show the 3 runs of optimizer adam' }));
  await waitFor(() => assert.ok(width() > 300, `${width()}`));
});

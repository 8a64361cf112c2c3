import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { fireEvent, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { ColumnsReply, RunsReply, RunsRequest } from '../../contract';
import { comparisonState } from '../../state/comparison';
import { FakeConnection, runsReply } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { ColumnChooser } from '../column_chooser/column_chooser';
import { RunTable } from './run_table';

async function table(runs: (payload: RunsRequest) => RunsReply, columns?: ColumnsReply) {
  const connection = new FakeConnection({ runs, ...(columns && { columns: () => columns }) });
  const state = comparisonState(connection, signal({}));
  render(
    <>
      {columns && <ColumnChooser columns={state.columns} />}
      <RunTable {...state} register={null} />
    </>,
  );
  await state.search.apply();
  await waitFor(() => assert.ok(document.querySelector('.nbt-row')));
  return { connection, state, user: userEvent.setup({ delay: null }) };
}

const rowOf = (index: number) => document.querySelector<HTMLElement>(`[data-index="${index}"]`)!;
const grid = () => document.querySelector<HTMLElement>('.nbt-runs')!;

/** The element that the grid names as active. */
const active = () => document.getElementById(grid().getAttribute('aria-activedescendant')!);
const activeRow = (index: number) =>
  waitFor(() => assert.equal(active()?.closest('tr')?.getAttribute('data-index'), String(index)));
const activeColumn = (title: string) => waitFor(() => assert.equal(active()?.closest('th')?.dataset.column, title));
const titles = () => [...document.querySelectorAll<HTMLElement>('th[data-column]')].map((th) => th.dataset.column);

const rows = [tableRow('a', { metrics: { acc: 0.9, loss: 1 }, params: { lr: '0.1' } }), tableRow('b')];

test('a header sorts by its column, best values first, and the next click reverses the order', async () => {
  const { connection, user } = await table(() => runsReply(rows, { lower_is_better: ['loss'] }));
  const header = screen.getByRole('button', { name: 'loss' });
  await user.click(header);
  await waitFor(() => assert.equal(header.closest('th')?.getAttribute('aria-sort'), 'ascending'));
  await user.click(header);
  await waitFor(() => assert.equal(header.closest('th')?.getAttribute('aria-sort'), 'descending'));
  await user.click(screen.getByRole('button', { name: 'acc' }));
  const orders = () => connection.payloads('runs').map((payload) => payload.order_by);
  assert.deepEqual(orders(), [[], ['metrics.loss ASC'], ['metrics.loss DESC'], ['metrics.acc DESC']]);
  await user.keyboard('{Shift>}');
  await user.click(screen.getByRole('button', { name: 'lr' }));
  await user.keyboard('{/Shift}');
  await waitFor(() => assert.deepEqual(orders().at(-1), ['metrics.acc DESC', 'params.lr ASC']));
  await waitFor(() => assert.match(screen.getByRole('button', { name: 'lr' }).textContent ?? '', /▲2$/));
});

test('of many runs only those in sight are in the page, and others are fetched when they come into sight', async () => {
  const all = Array.from({ length: 1000 }, (_, i) => tableRow(`run-${i}`));
  const { connection, user } = await table(({ offset, limit }) =>
    runsReply(all.slice(offset, offset + limit), { count: 1000, total: 1000 }),
  );
  assert.ok(document.querySelectorAll('.nbt-row').length < 40);
  assert.equal(screen.getByRole('grid').getAttribute('aria-rowcount'), '1002');
  grid().focus();
  await user.keyboard('{Control>}{End}{/Control}');
  await waitFor(() => assert.match(rowOf(999).textContent ?? '', /run-999/));
  await activeRow(999);
  assert.deepEqual(
    connection.payloads('runs').map((payload) => payload.offset),
    [0, 800],
  );
});

test('the table is one tab stop, and the arrows, Home, End and the page keys move the active cell', async () => {
  const many = Array.from({ length: 30 }, (_, i) => tableRow(`run-${i}`, { metrics: { acc: 1, loss: 2 } }));
  const { user } = await table(() => runsReply(many));
  const stops = [...document.querySelectorAll<HTMLElement>('*')].filter((element) => element.tabIndex >= 0);
  assert.deepEqual(stops, [grid()]);
  await user.tab();
  assert.ok(document.activeElement === grid());
  await user.keyboard('{ArrowDown}{ArrowRight}');
  await activeRow(1);
  assert.equal(active()?.getAttribute('aria-colindex'), '4');
  await user.keyboard('{End}');
  await waitFor(() => assert.equal(active()?.getAttribute('aria-colindex'), grid().getAttribute('aria-colcount')));
  await user.keyboard('{Home}{PageDown}');
  await waitFor(() => assert.equal(active()?.getAttribute('aria-colindex'), '3'));
  await activeRow(12);
  await user.keyboard('{PageUp}{PageUp}{ArrowUp}{ArrowUp}');
  await activeColumn('attributes.run_name');
});

test('Space ticks; a click on the name ticks too; a key on the row makes it the baseline', async () => {
  const { state, user } = await table(() => runsReply([tableRow('a'), tableRow('b'), tableRow('c')]));
  grid().focus();
  await user.keyboard('{ArrowDown} ');
  assert.deepEqual(state.selection.ids.value, ['b']);
  await waitFor(() => assert.equal(rowOf(1).getAttribute('aria-selected'), 'true'));
  await user.click(screen.getByText('c'));
  assert.deepEqual(state.selection.ids.value, ['b', 'c']);
  assert.ok(document.activeElement === grid(), 'The keys go on from the row that was clicked.');
  await user.keyboard('b');
  assert.equal(state.selection.baseline.value, 'c');
  await user.keyboard('{ArrowUp}{ArrowUp}b');
  assert.equal(state.selection.baseline.value, 'a');
  await waitFor(() => assert.equal(rowOf(0).querySelector('line')!.style.stroke, 'var(--nbt-text)'));
  const box = rowOf(0).querySelector<HTMLInputElement>('input')!;
  assert.deepEqual(
    [rowOf(0).getAttribute('aria-selected'), box.checked],
    ['false', false],
    'It is drawn, not selected.',
  );
});

test('a header is sorted, moved, resized, pinned and hidden with the keyboard', async () => {
  const { state, user } = await table(() => runsReply(rows));
  const shown = () => titles().slice(1, 4);
  assert.deepEqual(shown(), ['metrics.acc', 'metrics.loss', 'params.lr']);
  grid().focus();
  await user.keyboard('{ArrowUp}{ArrowRight}');
  await activeColumn('metrics.acc');
  await user.keyboard('{Alt>}{ArrowRight}{/Alt}');
  await waitFor(() => assert.deepEqual(shown(), ['metrics.loss', 'metrics.acc', 'params.lr']));
  await activeColumn('metrics.acc');
  const width = () => state.columns.column('metrics.acc')!.width;
  const before = width();
  await user.keyboard('{Shift>}{ArrowRight}{/Shift}');
  assert.equal(width(), before + 20);
  await user.keyboard('p');
  await waitFor(() => assert.deepEqual(shown(), ['metrics.acc', 'metrics.loss', 'params.lr']));
  await user.keyboard('{Home}{ArrowRight}{ArrowRight}{Delete}');
  await waitFor(() => assert.deepEqual(shown().slice(0, 2), ['metrics.acc', 'params.lr']));
  await user.keyboard('{Home}{Enter}');
  await waitFor(() => assert.deepEqual(state.view.peek().sorts, ['attributes.run_name ASC']));
  assert.deepEqual(
    state.view.peek().columns.map(({ column, hidden, pinned }) => [column, hidden, pinned]),
    [
      ['metrics.acc', null, true],
      ['metrics.loss', true, false],
    ],
  );
});

test('a header is dropped in front of another one, or behind the last one', async () => {
  await table(() => runsReply(rows));
  const header = (id: string) => document.querySelector<HTMLElement>(`th[data-column="${id}"]`)!;
  const drop = (id: string, on: HTMLElement, clientX: number) => {
    const dataTransfer = { types: ['application/x-nbtrack-column'], getData: () => id };
    const event = (name: string) =>
      Object.assign(new Event(name, { bubbles: true, cancelable: true }), { dataTransfer, clientX });
    fireEvent(on, event('dragover'));
    const mark = on.dataset.drop;
    fireEvent(on, event('drop'));
    return mark;
  };
  const [, first, second] = titles();
  const last = titles().at(-1)!;
  // Here every header is at 0 and has no width.
  assert.equal(drop(first!, header(last), 1), 'after');
  await waitFor(() => assert.equal(titles().at(-1), first));
  assert.equal(drop(first!, header(second!), 0), 'before');
  await waitFor(() => assert.deepEqual([titles()[1], titles().at(-1)], [first, last]));
  assert.equal(header(second!).dataset.drop, undefined);
});

test('pinned columns keep the prefix of their keys above their titles', async () => {
  const row = tableRow('a', { metrics: { 'train/acc': 0.9, 'val/acc': 0.8 } });
  const { state } = await table(() => runsReply([row]));
  state.columns.change('metrics.`val/acc`', { pinned: true });
  const above = () =>
    [...document.querySelectorAll('.nbt-groups td.nbt-pinned-column')].map((cell) => cell.textContent);
  await waitFor(() => assert.deepEqual(above(), ['val/']));
  assert.deepEqual(titles().slice(0, 3), ['attributes.run_name', 'metrics.`val/acc`', 'metrics.`train/acc`']);
});

test('a column is resized from the width it has, also while the differences from the baseline make it wider', async () => {
  const { state, user } = await table(({ baseline }) => runsReply(rows, { baseline: baseline ? rows[0]! : null }));
  const width = (column: string) => state.view.peek().columns.find((view) => view.column === column)?.width;
  grid().focus();
  await user.keyboard('{ArrowUp}{Shift>}{ArrowRight}{ArrowRight}{/Shift}');
  assert.equal(width('attributes.run_name'), 240);
  const before = state.columns.column('metrics.acc')!.width;
  state.selection.toggle('a');
  state.selection.baseline.value = 'a';
  await state.search.apply();
  await waitFor(() => assert.ok(document.querySelector('.nbt-baseline-mark')));
  await user.keyboard('{ArrowRight}{Shift>}{ArrowRight}{ArrowRight}{/Shift}');
  assert.equal(width('metrics.acc'), before + 40);
});

test('the edge of a header, that of the names too, is dragged, and the column follows the pointer', async () => {
  HTMLElement.prototype.setPointerCapture ??= () => {};
  const { state } = await table(() => runsReply(rows));
  const edge = document.querySelector('th.nbt-pin-2 .nbt-edge')!;
  const column = () => document.querySelectorAll('col')[2]!.style.width;
  fireEvent(edge, new MouseEvent('pointerdown', { clientX: 100, bubbles: true }));
  fireEvent(edge, new MouseEvent('pointermove', { clientX: 150, bubbles: true }));
  assert.equal(column(), '250px');
  assert.deepEqual(state.view.peek().columns, []);
  fireEvent(edge, new MouseEvent('pointerup', { clientX: 160, bubbles: true }));
  await waitFor(() => assert.equal(column(), '260px'));
  assert.equal(state.view.peek().columns[0]?.width, 260);
  fireEvent(edge, new MouseEvent('pointerdown', { clientX: 100, bubbles: true }));
  fireEvent(edge, new MouseEvent('pointermove', { clientX: 150, bubbles: true }));
  fireEvent(edge, new MouseEvent('pointercancel', { bubbles: true }));
  assert.equal(column(), '260px');
});

test('arrows fold a tree of runs, and so does a click on its mark', async () => {
  const parent = tableRow('sweep', { children: 1 });
  const child = tableRow('trial', { parent_run_id: 'sweep', depth: 1 });
  const { connection, state, user } = await table(({ unfolded }) =>
    runsReply(unfolded?.includes('sweep') ? [parent, child] : [parent], { total: 2, nested: 1 }),
  );
  assert.equal(screen.getByRole('treegrid').getAttribute('aria-rowcount'), '3');
  grid().focus();
  await user.keyboard('{ArrowRight}');
  await screen.findByText('trial');
  assert.equal(rowOf(0).getAttribute('aria-expanded'), 'true');
  await user.keyboard('{ArrowDown}');
  await activeRow(1);
  await user.keyboard('{ArrowLeft}');
  await activeRow(0);
  await user.click(screen.getByRole('button', { name: 'Hide the 1 run nested in sweep' }));
  await waitFor(() => assert.equal(screen.queryByText('trial'), null));
  assert.equal(state.pages.count.value, 1);
  assert.deepEqual(
    connection.payloads('runs').map((payload) => payload.unfolded),
    [[], ['sweep'], []],
  );
});

test('every run with the best value of a metric is marked, and names of runs stay text', async () => {
  const metrics = { acc: 0.9 };
  const both = [
    tableRow('<img src=x>', { metrics }),
    tableRow('b', { metrics }),
    tableRow('c', { metrics: { acc: 0.1 } }),
  ];
  await table(() => runsReply(both, { best_values: { acc: 0.9 } }));
  const marked = screen.getAllByTitle('Best of the matching runs').map((mark) => mark.closest('tr')?.dataset.runId);
  assert.deepEqual(marked, ['<img src=x>', 'b']);
  assert.ok(screen.getByText('<img src=x>'));
  assert.equal(document.querySelector('img'), null);
});

test('long names are cut in the middle, and long numbers are rounded', async () => {
  const name = 'resnet50-imagenet-augmented-lr0.0312-seed17';
  await table(() =>
    runsReply([tableRow('a', { run_name: name, params: { lr: '0.010037963127914495', id: '12345678901' } })]),
  );
  assert.equal(document.querySelector('td .nbt-name-tail')?.textContent, name.slice(-10));
  assert.ok(screen.getByText('0.01004'));
  assert.ok(screen.getByTitle('0.010037963127914495'));
  assert.ok(screen.getByText('12345678901'));
});

test('titles that begin alike keep their ends', async () => {
  const metrics = { 'layer/grad_norm_1000': 1, 'layer/grad_norm_1001': 2 };
  await table(() => runsReply([tableRow('a', { metrics })]));
  const tails = [...document.querySelectorAll('th .nbt-name-tail')].map((tail) => tail.textContent);
  assert.deepEqual(tails, ['rm_1000', 'rm_1001']);
});

test('a row keeps its element when it moves', async () => {
  let order = ['a', 'b', 'c'];
  const { state } = await table(() => runsReply(order.map((id) => tableRow(id))));
  const element = rowOf(2);
  order = ['c', 'a', 'b'];
  await state.search.apply();
  await waitFor(() => assert.equal(rowOf(0).dataset.runId, 'c'));
  assert.ok(rowOf(0) === element);
});

test('of 12,000 columns only those in sight are in the page, and the search of the chooser finds the others', async () => {
  const keys = Array.from({ length: 12000 }, (_, i) => `m${i}`);
  const { connection, user } = await table(
    ({ metrics }) => {
      const shown = metrics ?? keys.slice(0, 60);
      const values = Object.fromEntries(shown.map((key) => [key, 1]));
      const counts = metrics ? {} : { metric_count: 12000 };
      return runsReply([tableRow('a', { metrics: values }), tableRow('b')], { metrics: shown, ...counts });
    },
    {
      params: [],
      metrics: keys,
      param_count: 0,
      metric_count: 12000,
      lower_is_better: [],
      guessed: keys,
    },
  );
  const element = grid();
  await waitFor(() => assert.equal(element.getAttribute('aria-colcount'), '12006'));
  assert.ok(element.querySelectorAll('th').length < 40);
  await user.click(screen.getByRole('button', { name: 'Columns…' }));
  await screen.findByText('200 of 60,004 columns');
  await user.keyboard('m11999{Enter}');
  await waitFor(() => assert.equal(element.getAttribute('aria-colcount'), '12005'));
  await user.keyboard('{ArrowDown}{Enter}');
  await waitFor(() => assert.equal(element.getAttribute('aria-colcount'), '12006'));
  await user.click(screen.getByRole('button', { name: 'Pin m11999, best, highest' }));
  await waitFor(() => assert.deepEqual(connection.payloads('runs').at(-1)?.statistics, ['m11999']));
  assert.ok(screen.getByRole('button', { name: 'm11999, best, highest' }));
  await user.keyboard('{Escape}');
  assert.equal(screen.queryByRole('dialog'), null);
  assert.equal(document.activeElement?.textContent, 'Columns…');
});

test('rows that are read again do not scroll the table back to the column that it is sorted by', async () => {
  const { state } = await table(() => runsReply(rows, { lower_is_better: ['loss'] }));
  const scroller = document.querySelector<HTMLElement>('.nbt-table-scroll')!;
  await userEvent.setup({ delay: null }).click(screen.getByRole('button', { name: 'loss' }));
  await waitFor(() => assert.ok(document.querySelector('th[aria-sort=ascending]')));
  scroller.scrollLeft = 777;
  await state.search.update();
  state.columns.counts.value = { ...state.columns.counts.peek() };
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(scroller.scrollLeft, 777);
});

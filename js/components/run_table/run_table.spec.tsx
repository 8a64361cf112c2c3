import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { RunsReply, RunsRequest } from '../../contract';
import { comparisonState } from '../../state/comparison';
import { FakeConnection, runsReply } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { RunTable } from './run_table';

async function table(runs: (payload: RunsRequest) => RunsReply) {
  const connection = new FakeConnection({ runs });
  const state = comparisonState(connection, signal({}));
  render(<RunTable {...state} register={null} />);
  await state.search.apply();
  await waitFor(() => assert.ok(document.querySelector('.nbt-row')));
  return { connection, state, user: userEvent.setup({ delay: null }) };
}

const rowOf = (index: number) => document.querySelector<HTMLElement>(`[data-index="${index}"]`)!;
const focusedRow = (index: number) =>
  waitFor(() => assert.equal(document.activeElement?.getAttribute('data-index'), String(index)));

test('a header sorts by its column, and the next click reverses the order', async () => {
  const { connection, user } = await table(() => runsReply([tableRow('a', { metrics: { loss: 1 } })]));
  const header = screen.getByRole('button', { name: /^loss/ });
  await user.click(header);
  await waitFor(() => assert.equal(header.closest('th')?.getAttribute('aria-sort'), 'descending'));
  await user.click(header);
  await waitFor(() => assert.equal(header.closest('th')?.getAttribute('aria-sort'), 'ascending'));
  const orders = connection.payloads('runs').map((payload) => payload.order_by);
  assert.deepEqual(orders, [[], ['metrics.loss DESC'], ['metrics.loss ASC']]);
});

test('of many runs only those in sight are in the page, and others are fetched when they come into sight', async () => {
  const all = Array.from({ length: 1000 }, (_, i) => tableRow(`run-${i}`));
  const { connection, user } = await table(({ offset, limit }) =>
    runsReply(all.slice(offset, offset + limit), { count: 1000, total: 1000 }),
  );
  assert.ok(document.querySelectorAll('.nbt-row').length < 40);
  assert.equal(screen.getByRole('grid').getAttribute('aria-rowcount'), '1002');
  rowOf(0).focus();
  await user.keyboard('{End}');
  await focusedRow(999);
  await waitFor(() => assert.match(rowOf(999).textContent ?? '', /run-999/));
  assert.deepEqual(
    connection.payloads('runs').map((payload) => payload.offset),
    [0, 800],
  );
});

test('with the keyboard the arrows move and Space ticks; a click on the name ticks too', async () => {
  const { state, user } = await table(() => runsReply([tableRow('a'), tableRow('b'), tableRow('c')]));
  rowOf(0).focus();
  await user.keyboard('{ArrowDown}');
  await focusedRow(1);
  await user.keyboard(' ');
  assert.deepEqual(state.selection.ids.value, ['b']);
  assert.equal(rowOf(1).getAttribute('aria-selected'), 'true');
  await user.click(screen.getByText('c'));
  assert.deepEqual(state.selection.ids.value, ['b', 'c']);
});

test('arrows fold a tree of runs, and so does a click on its mark', async () => {
  const parent = tableRow('sweep', { children: 1 });
  const child = tableRow('trial', { parent_run_id: 'sweep', depth: 1 });
  const { connection, state, user } = await table(({ unfolded }) =>
    runsReply(unfolded?.includes('sweep') ? [parent, child] : [parent], { total: 2, nested: 1 }),
  );
  assert.equal(screen.getByRole('treegrid').getAttribute('aria-rowcount'), '3');
  rowOf(0).focus();
  await user.keyboard('{ArrowRight}');
  await screen.findByText('trial');
  assert.equal(rowOf(0).getAttribute('aria-expanded'), 'true');
  await user.keyboard('{ArrowRight}');
  await focusedRow(1);
  await user.keyboard('{ArrowLeft}');
  await focusedRow(0);
  await user.click(screen.getByRole('button', { name: 'Hide the 1 run nested in sweep' }));
  await waitFor(() => assert.equal(screen.queryByText('trial'), null));
  assert.equal(state.pages.count.value, 1);
  assert.deepEqual(
    connection.payloads('runs').map((payload) => payload.unfolded),
    [[], ['sweep'], []],
  );
});

test('the best run of a metric is marked, and names of runs stay text', async () => {
  const rows = [tableRow('<img src=x>', { metrics: { acc: 0.9 } }), tableRow('b', { metrics: { acc: 0.2 } })];
  await table(() => runsReply(rows, { best: { acc: '<img src=x>' } }));
  assert.equal(screen.getByTitle('Best of the matching runs').textContent, '0.9000');
  assert.ok(screen.getByText('<img src=x>'));
  assert.equal(document.querySelector('img'), null);
});

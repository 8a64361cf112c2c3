import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Answer } from '../../connection/connection';
import type { CurvesRequest } from '../../contract';
import { ColumnState } from '../../state/columns';
import { RunPages } from '../../state/pages';
import { Selection } from '../../state/selection';
import { FakeConnection, refusal, runsReply } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { viewOf } from '../../testing/view';
import { Curves } from './curves';

/** Three points of each run, the last of them not finite. */
const points = ({ run_ids, keys }: CurvesRequest): Answer<'curves'> => ({
  reply: { series: run_ids.map((run_id) => ({ run_id, key: keys[0]!, points: 3, total: 3 })) },
  buffers: run_ids.flatMap(() => [Float64Array.of(0, 1, 2), Float64Array.of(1, 0.5, NaN)]),
});

function curves(answer: NonNullable<FakeConnection['answers']['curves']>, selected = ['a', 'b']) {
  const connection = new FakeConnection({ curves: answer });
  const reply = runsReply([tableRow('a', { metrics: { acc: 1, loss: 1 } }), tableRow('b')]);
  const [pages, columns, selection] = [new RunPages(), new ColumnState(viewOf()), new Selection(viewOf({ selected }))];
  pages.put(reply, 0);
  columns.put(reply);
  render(<Curves connection={connection} selection={selection} pages={pages} columns={columns} />);
  return { connection, selection, pages, columns, reply, user: userEvent.setup({ delay: null }) };
}

test('the curves of the selected runs are requested, and again for another metric or axis', async () => {
  const { connection, user } = curves(points);
  await screen.findByRole('img', { name: 'acc of 2 runs' });
  await user.selectOptions(screen.getByLabelText('Metric'), 'loss');
  await user.selectOptions(screen.getByLabelText('X axis'), 'relative');
  await waitFor(() => assert.equal(connection.payloads('curves').length, 3));
  const asked = connection.payloads('curves').map(({ run_ids, keys, x_axis }) => [run_ids.join(), keys[0], x_axis]);
  assert.deepEqual(asked, [
    ['a,b', 'acc', 'step'],
    ['a,b', 'loss', 'step'],
    ['a,b', 'loss', 'relative'],
  ]);
});

test('the metric stays while it may be on a page of columns that has not been loaded', async () => {
  const { columns, reply, user } = curves(points);
  await user.selectOptions(screen.getByLabelText('Metric'), 'loss');
  await act(() => columns.put({ ...reply, metrics: ['acc', 'f1'], metric_count: 500 }));
  const field = screen.getByLabelText<HTMLSelectElement>('Metric');
  assert.deepEqual([field.value, [...field.options].map((option) => option.value)], ['loss', ['loss', 'acc', 'f1']]);
  await act(() => columns.put({ ...reply, metrics: ['acc', 'f1'] }));
  await waitFor(() => assert.equal(field.value, 'acc'));
});

test('points that cannot be drawn are counted', async () => {
  const { user } = curves(points);
  await screen.findByText('2 points are not drawn because they are NaN or infinite.');
  await user.click(screen.getByLabelText('Log y'));
  await screen.findByText('2 points are not drawn because they are zero, negative, NaN or infinite.');
});

test('smoothing requests nothing', async () => {
  const { connection } = curves(points);
  await screen.findByText(/not drawn/);
  fireEvent.input(screen.getByRole('slider', { name: /^Smoothing/ }), { target: { value: '0.9' } });
  await screen.findByText('0.90');
  assert.equal(connection.payloads('curves').length, 1);
});

test('a key zooms in, and the button shows everything again', async () => {
  const { connection, user } = curves(points);
  const chart = await screen.findByRole('img');
  await screen.findByText(/not drawn/);
  fireEvent.keyDown(chart, { key: '+' });
  await user.click(await screen.findByRole('button', { name: 'Reset zoom' }));
  await waitFor(() => assert.equal(connection.payloads('curves').length, 3));
  const [, zoomed, all] = connection.payloads('curves');
  assert.ok(zoomed!.x_min! > 0 && zoomed!.x_max! < 2);
  assert.deepEqual([all!.x_min, all!.x_max], [null, null]);
});

test('selected runs without points of the metric are counted', async () => {
  curves((request) => points({ ...request, run_ids: ['a'] }));
  await screen.findByText('1 selected run has no acc.');
});

test('nothing is requested while no run is selected', async () => {
  const { connection } = curves(points, []);
  await screen.findByText('Select runs in the table to see their curves.');
  assert.equal(connection.asked.length, 0);
});

test('curves that could not be read are read again on demand', async () => {
  let failures = 1;
  const { user } = curves((request) => {
    if (failures-- > 0) {
      throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
    }
    return points(request);
  });
  await screen.findByText('The kernel is busy.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText(/not drawn/);
  assert.equal(screen.queryByText('The kernel is busy.'), null);
});

test('only another query requests the curves again, and not another page of the table', async () => {
  const { connection, pages } = curves(points, ['a', 'c']);
  await screen.findByText(/not drawn/);
  await act(() => pages.put(runsReply([tableRow('c')]), 1));
  assert.equal(connection.payloads('curves').length, 1);
  await act(() => pages.put(runsReply([tableRow('c')]), 0, true));
  await waitFor(() => assert.equal(connection.payloads('curves').length, 2));
});

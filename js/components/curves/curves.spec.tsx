import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Answer } from '../../connection/connection';
import type { CurvesRequest } from '../../contract';
import { CurveCache } from '../../data/curves';
import { GroupCurveCache } from '../../data/group_curves';
import { ColumnState } from '../../state/columns';
import { GroupPages } from '../../state/groups';
import { RunPages } from '../../state/pages';
import { Panels } from '../../state/panels';
import { QueryState } from '../../state/query';
import { Selection } from '../../state/selection';
import { NEW_PANEL } from '../../state/view';
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
  const view = viewOf({ selected });
  const [pages, columns, selection] = [new RunPages(), new ColumnState(view), new Selection(view)];
  const cache = new CurveCache(connection);
  pages.put(reply, 0, []);
  columns.put(reply);
  const groups = new GroupPages(view, pages);
  const states = { groups, query: new QueryState(view), groupCache: new GroupCurveCache(connection) };
  const parts = { connection, cache, ...states, selection, pages, columns, panels: new Panels(view) };
  render(<Curves {...parts} />);
  return { ...parts, view, reply, user: userEvent.setup({ delay: null }) };
}

/** A series of 100,000 points in buckets: the whole of it, or a window. */
const long = ({ run_ids, keys, x_min, x_max }: CurvesRequest): Answer<'curves'> => {
  const width = x_min === null ? 128 : 2;
  const [from, to] = [Math.floor((x_min ?? 0) / width), Math.ceil((x_max ?? 99_999) / width)];
  const x = Float64Array.from({ length: to - from }, (_, i) => (from + i) * width + width / 2);
  const y = x.map((step) => Math.sin(step / 1000));
  return {
    reply: {
      series: run_ids.map((run_id, i) => ({
        ...{ run_id, key: keys[0]!, points: x.length, total: x.length * width, width, version: run_id },
        ...{ envelope: 2 * run_ids.length + 3 * i, nan: 0, pos_inf: 0, neg_inf: 0 },
      })),
    },
    buffers: [
      ...run_ids.flatMap(() => [x, y]),
      ...run_ids.flatMap(() => [y.map((value) => value - 1), y.map((value) => value + 1), y.map(() => width)]),
    ],
  };
};

const legend = () =>
  [...screen.getByRole('list', { name: 'Runs in the chart' }).children].map((item) => item.textContent);

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

test('what was there once is not requested again', async () => {
  const { connection, user, selection } = curves(points);
  await screen.findByText(/marked at the edge/);
  await act(() => selection.toggle('c'));
  await waitFor(() => assert.deepEqual(connection.payloads('curves').at(-1)?.run_ids, ['c']));
  await act(() => selection.toggle('a'));
  await act(() => selection.toggle('a'));
  await user.selectOptions(screen.getByLabelText('X axis'), 'relative');
  await waitFor(() => assert.deepEqual(connection.payloads('curves').at(-1)?.run_ids, ['b', 'c', 'a']));
  await user.selectOptions(screen.getByLabelText('X axis'), 'step');
  await waitFor(() => assert.equal(legend().length, 3));
  assert.equal(connection.payloads('curves').length, 3);
});

test('until a slow answer arrives, the old picture keeps its own axis and label', async () => {
  let answer = () => {};
  const { connection, user } = curves((request) =>
    request.keys[0] === 'acc'
      ? points(request)
      : new Promise((resolve) => (answer = () => resolve(points(request) as never))),
  );
  await screen.findByRole('img', { name: 'acc of 2 runs' });
  await screen.findByText(/marked at the edge/);
  await user.selectOptions(screen.getByLabelText('Metric'), 'loss');
  await screen.findByText('Loading…');
  assert.ok(screen.getByRole('img', { name: 'acc of 2 runs' }));
  assert.equal(screen.getByRole('region', { name: 'Curves' }).getAttribute('aria-busy'), 'true');
  await user.selectOptions(screen.getByLabelText('Metric'), 'acc');
  assert.equal(screen.queryByText('Loading…'), null);
  // The answer to settings that are no longer shown changes nothing.
  await act(async () => answer());
  assert.ok(screen.getByRole('img', { name: 'acc of 2 runs' }));
  assert.equal(connection.payloads('curves').length, 2);
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

test('points that cannot be drawn are counted and named', async () => {
  const { user } = curves((request) => {
    const { reply, buffers } = points(request);
    buffers[3] = Float64Array.of(-1, Infinity, NaN);
    return { reply, buffers };
  });
  await screen.findByText('3 points are marked at the edge: 2 NaN (×), 1 infinite (▲ or ▼).');
  await user.click(screen.getByLabelText('Log y'));
  await screen.findByText('1 point is not drawn: 1 zero or negative.');
});

test('smoothing requests nothing, and is kept in the view when the slider is released', async () => {
  const { connection, panels } = curves(points);
  await screen.findByText(/marked at the edge/);
  const slider = screen.getByRole('slider', { name: /^Smoothing/ });
  fireEvent.input(slider, { target: { value: '0.9' } });
  await screen.findByText('0.90');
  assert.equal(panels.panel(0).peek().smoothing, 0);
  fireEvent.change(slider, { target: { value: '0.9' } });
  assert.equal(panels.panel(0).peek().smoothing, 0.9);
  assert.equal(connection.payloads('curves').length, 1);
});

test('zooming into a long curve requests the window, and what was zoomed before is still there', async () => {
  const { connection, panels, user } = curves(long);
  await screen.findByText(/^Drawn: 1,564 means of 200,192 points\./);
  const zoom = (x_min: number | null, x_max: number | null) =>
    act(() => {
      panels.panel(0).value = { ...panels.panel(0).peek(), x_min, x_max };
    });
  await zoom(1000, 2000);
  await screen.findByText(/^Drawn: 1,000 means of 2,000 points\./);
  await user.click(screen.getByRole('button', { name: 'Reset zoom' }));
  await screen.findByText(/^Drawn: 1,564 means/);
  await zoom(1000, 2000);
  await screen.findByText(/^Drawn: 1,000 means/);
  const asked = connection.payloads('curves').map(({ x_min, x_max }) => [x_min, x_max]);
  assert.deepEqual(asked, [
    [null, null],
    [1000, 2000],
  ]);
});

test('a key zooms in, which requests nothing if all points are there, and the button shows everything again', async () => {
  const { connection, panels, user } = curves(points);
  const chart = await screen.findByRole('img');
  await screen.findByText(/marked at the edge/);
  fireEvent.keyDown(chart, { key: '+' });
  const { x_min, x_max } = panels.panel(0).peek();
  assert.ok(x_min! > 0 && x_max! < 2);
  await user.click(await screen.findByRole('button', { name: 'Reset zoom' }));
  assert.equal(panels.panel(0).peek().x_min, null);
  assert.equal(connection.payloads('curves').length, 1);
});

test('values are read out with the arrow keys', async () => {
  curves(points);
  const chart = await screen.findByRole('img');
  await screen.findByText(/marked at the edge/);
  // The chart is drawn after the text.
  await waitFor(() => {
    fireEvent.keyDown(chart, { key: 'Home' });
    assert.ok(screen.getByText('a: 1 at step 0'));
  });
  fireEvent.keyDown(chart, { key: 'ArrowRight' });
  await screen.findByText('a: 0.5 at step 1');
  fireEvent.keyDown(chart, { key: 'ArrowRight' });
  await screen.findByText('a: 0.5 at step 1');
});

test('the legend names runs that the table does not have, the highest last value first', async () => {
  curves(
    ({ run_ids, keys }) => ({
      reply: {
        series: run_ids.map((run_id) => ({ run_id, run_name: `run ${run_id}`, key: keys[0]!, points: 1, total: 1 })),
      },
      buffers: run_ids.flatMap((run_id) => [Float64Array.of(0), Float64Array.of(run_id === 'z' ? 0.9 : 0.2)]),
    }),
    ['a', 'z'],
  );
  await waitFor(() => assert.deepEqual(legend(), ['run z0.9000not in the table', 'a0.2000']));
});

test('selected runs without points of the metric are counted', async () => {
  curves((request) => points({ ...request, run_ids: ['a'] }));
  await screen.findByText('1 selected run has no acc.');
});

test('a saved comparison shows what was saved, also if it was zoomed in, and says what was not', async () => {
  for (const x_min of [null, 0]) {
    const connection = new FakeConnection({});
    connection.live = false;
    const payload: CurvesRequest = {
      ...{ run_ids: ['a', 'b'], keys: ['acc'], x_axis: 'step', max_points: 200 },
      ...{ x_min, x_max: x_min === null ? null : 5 },
    };
    connection.first = ((name: string) => (name === 'curves' ? { payload, ...points(payload) } : undefined)) as never;
    const view = viewOf({
      selected: ['a', 'b'],
      panels: [{ ...NEW_PANEL, metrics: ['acc'], x_min, x_max: payload.x_max }],
    });
    const [pages, columns] = [new RunPages(), new ColumnState(view)];
    columns.put(runsReply([tableRow('a', { metrics: { acc: 1, loss: 1 } })]));
    const groups = new GroupPages(view, pages);
    const states = { groups, query: new QueryState(view), groupCache: new GroupCurveCache(connection) };
    const cache = new CurveCache(connection);
    const parts = { connection, cache, ...states, pages, columns, panels: new Panels(view) };
    const { unmount } = render(<Curves {...parts} selection={new Selection(view)} />);
    await screen.findByText(/^2 points are marked at the edge/);
    await userEvent.selectOptions(screen.getByLabelText('Metric'), 'loss');
    await screen.findByText('2 selected runs have no saved points of loss.');
    assert.equal(connection.asked.length, 0);
    unmount();
  }
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
  await screen.findByText(/marked at the edge/);
  assert.equal(screen.queryByText('The kernel is busy.'), null);
});

test('a query and another page of the table request no curves, and a change of the store only asks for what is new', async () => {
  const { connection, pages, cache } = curves(long, ['a', 'c']);
  await screen.findByText(/^Drawn/);
  await act(() => pages.put(runsReply([tableRow('c')]), 1, []));
  await act(() => pages.put(runsReply([tableRow('c')]), 0, [], true));
  assert.equal(connection.payloads('curves').length, 1);
  connection.answers.curves = () => ({ series: [], unchanged: ['a', 'c'] });
  await act(() => cache.refresh());
  assert.deepEqual(connection.payloads('curves')[1]!.known, ['a', 'c']);
  await waitFor(() => assert.equal(cache.busy(), false));
  assert.equal(legend().length, 2);
});

test('a store that changes all the time does not keep answers from arriving', async () => {
  const answers: (() => void)[] = [];
  const { connection, cache } = curves(
    (request) => new Promise((resolve) => answers.push(() => resolve(long(request) as never))),
  );
  await waitFor(() => assert.equal(answers.length, 1));
  await act(() => cache.refresh());
  await act(() => cache.refresh());
  assert.equal(connection.payloads('curves').length, 1);
  await act(async () => answers[0]!());
  await waitFor(() => assert.equal(legend().length, 2));
  assert.deepEqual(connection.payloads('curves')[1]!.known, ['a', 'b']);
});

test('the color and the dash of a run are chosen in the legend, by mouse and by keyboard', async () => {
  const { view, user } = curves(points);
  const button = await screen.findByRole('button', { name: 'Line of b' });
  await user.click(button);
  assert.ok(document.activeElement === screen.getByRole('radio', { name: 'color 2' }));
  await user.click(screen.getByRole('radio', { name: 'color 5' }));
  assert.deepEqual(view.peek().styles, [{ value: 'b', slot: 4 }]);
  await user.click(screen.getByRole('radio', { name: 'dotted' }));
  assert.deepEqual(view.peek().styles, [{ value: 'b', slot: 20 }]);
  await waitFor(() => assert.ok(screen.getByRole<HTMLInputElement>('radio', { name: 'color 5' }).checked));
  await user.keyboard('{Escape}');
  assert.equal(screen.queryByRole('radio', { name: 'color 5' }), null);
  assert.ok(document.activeElement === screen.getByRole('button', { name: 'Line of b' }));
});

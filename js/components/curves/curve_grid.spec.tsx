import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Answer } from '../../connection/connection';
import type { CurvesRequest, GroupCurvesRequest, PanelView } from '../../contract';
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

const METRICS = { acc: 1, loss: 1, 'val/acc': 1, 'val/loss': 1 };

/** Three points of each run and metric. The last run is the highest. */
const points = ({ run_ids, keys }: CurvesRequest): Answer<'curves'> => ({
  reply: {
    series: run_ids.flatMap((run_id) =>
      keys.map((key) => ({ run_id, key, points: 3, total: 3, version: run_id + key })),
    ),
  },
  buffers: run_ids.flatMap((_, i) => keys.flatMap(() => [Float64Array.of(0, 1, 2), Float64Array.of(i, i + 1, i + 5)])),
});

function grid(charts: Partial<PanelView>[], answer: NonNullable<FakeConnection['answers']['curves']> = points) {
  const connection = new FakeConnection({ curves: answer });
  const view = viewOf({ selected: ['a', 'b'], panels: charts.map((chart) => ({ ...NEW_PANEL, ...chart })) });
  const [pages, columns, selection] = [new RunPages(), new ColumnState(view), new Selection(view)];
  const reply = runsReply([tableRow('a', { metrics: METRICS }), tableRow('b')]);
  pages.put(reply, 0, []);
  columns.put(reply);
  const cache = new CurveCache(connection);
  const groups = new GroupPages(view, pages);
  const states = { groups, query: new QueryState(view), groupCache: new GroupCurveCache(connection) };
  const parts = { connection, cache, ...states, selection, pages, columns, panels: new Panels(view) };
  render(<Curves {...parts} />);
  const names = () => view.peek().panels.map(({ metrics }) => metrics.join());
  return { ...parts, view, names, user: userEvent.setup({ delay: null }) };
}

const chart = (name: string) => within(screen.getByRole('figure', { name }));
const look = (isInSight: (element: Element) => boolean) => {
  const observers = (IntersectionObserver as unknown as { all: Set<{ look(_: typeof isInSight): void }> }).all;
  return act(() => {
    for (const observer of observers) {
      observer.look(isInSight);
    }
  });
};

test('metrics of one chart are read together, and each has its own dash', async () => {
  const { connection } = grid([{ metrics: ['loss', 'val/loss'] }]);
  await screen.findByText('b, val/loss');
  assert.deepEqual(
    connection.payloads('curves').map(({ keys, run_ids }) => [keys, run_ids]),
    [
      [
        ['loss', 'val/loss'],
        ['a', 'b'],
      ],
    ],
  );
  const metrics = screen.getByRole('list', { name: 'Metrics in the chart' });
  const dashes = [...metrics.querySelectorAll('line')].map((line) => line.getAttribute('stroke-dasharray'));
  assert.equal(new Set(dashes).size, 2);
});

test('only charts in sight request anything, and what a chart has is not read again by another', async () => {
  const { connection, selection } = grid([{ metrics: ['acc'] }, { metrics: ['loss'] }]);
  await waitFor(() => assert.equal(connection.payloads('curves').length, 2));
  await look((element) => element.getAttribute('aria-label') === 'acc');
  await act(() => selection.toggle('c'));
  await waitFor(() => assert.equal(connection.payloads('curves').length, 3));
  assert.deepEqual(connection.payloads('curves')[2], { ...connection.payloads('curves')[0], run_ids: ['c'] });
  await look(() => true);
  await waitFor(() => assert.equal(connection.payloads('curves').length, 4));
  assert.deepEqual(
    [connection.payloads('curves')[3]!.keys, connection.payloads('curves')[3]!.run_ids],
    [['loss'], ['c']],
  );
});

test('an error is shown in the chart that it is about, which can try again', async () => {
  const { user } = grid([{ metrics: ['acc'] }, { metrics: ['loss'] }], (request) => {
    if (request.keys[0] === 'loss') {
      throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
    }
    return points(request);
  });
  await chart('loss').findByText('The kernel is busy.');
  assert.equal(chart('acc').queryByText('The kernel is busy.'), null);
  assert.ok(chart('acc').getByText('b'));
  await user.click(chart('loss').getByRole('button', { name: 'Try again' }));
  await chart('loss').findByText('The kernel is busy.');
});

test('a chart of several metrics is added by a search, and another one is removed', async () => {
  const { names, user } = grid([{ metrics: ['acc'] }]);
  await user.click(screen.getByRole('button', { name: 'Add chart' }));
  await user.type(screen.getByLabelText('Search metrics'), 'VAL');
  await user.click(screen.getByLabelText('val/acc'));
  await user.click(screen.getByLabelText('val/loss'));
  await user.click(screen.getByRole('button', { name: 'Add a chart of 2 metrics' }));
  assert.deepEqual(names(), ['acc', 'val/acc,val/loss']);
  await screen.findByRole('img', { name: 'val/acc, val/loss of 2 runs' });
  await user.click(screen.getByRole('button', { name: 'Remove the chart of acc' }));
  assert.deepEqual(names(), ['val/acc,val/loss']);
  assert.equal(document.activeElement?.textContent, 'Undo');
  await user.keyboard('{Enter}');
  assert.deepEqual(names(), ['acc', 'val/acc,val/loss']);
  assert.match(document.activeElement?.getAttribute('aria-label') ?? '', /^Chart 1: acc/);
  await user.click(screen.getByRole('button', { name: 'Remove the chart of acc' }));
  assert.deepEqual(names(), ['val/acc,val/loss']);
  assert.equal(screen.queryByRole('button', { name: /^Remove the chart/ }), null, 'The last chart stays.');
});

test('arrow keys on the title move a chart, which keeps the focus, and are said', async () => {
  const { names } = grid([{ metrics: ['acc'] }, { metrics: ['loss'] }, { metrics: ['val/acc'] }]);
  const title = screen.getByRole('button', { name: /^Chart 1: acc/ });
  title.focus();
  fireEvent.keyDown(title, { key: 'ArrowRight' });
  await waitFor(() => assert.deepEqual(names(), ['loss', 'acc', 'val/acc']));
  assert.ok(document.activeElement === (await screen.findByRole('button', { name: /^Chart 2: acc/ })));
  assert.ok(screen.getByText('Chart 2 of 3'));
  fireEvent.keyDown(document.activeElement, { key: 'ArrowDown' });
  fireEvent.keyDown(document.activeElement!, { key: 'ArrowDown' });
  await waitFor(() => assert.deepEqual(names(), ['loss', 'val/acc', 'acc']));
});

test('the corner resizes a chart by keys and by dragging, within bounds', async () => {
  const { view } = grid([{ metrics: ['acc'] }, { metrics: ['loss'] }]);
  const handle = screen.getByRole('button', { name: 'Resize the chart of loss' });
  for (const key of ['ArrowLeft', 'ArrowDown', 'ArrowDown']) {
    fireEvent.keyDown(handle, { key });
  }
  const size = () => [view.peek().panels[1]!.width, view.peek().panels[1]!.height];
  assert.deepEqual(size(), [5, 260]);
  const parent = screen.getByRole('figure', { name: 'loss' }).parentElement!;
  Object.defineProperty(parent, 'clientWidth', { value: 1200 });
  Object.defineProperty(screen.getByRole('figure', { name: 'loss' }), 'offsetWidth', { value: 500 });
  fireEvent(handle, new MouseEvent('pointerdown', { clientX: 500, clientY: 500, button: 0 }));
  fireEvent(document, new MouseEvent('pointermove', { clientX: 720, clientY: 100 }));
  assert.deepEqual(size(), [5, 260], 'The view has the size once the pointer is released.');
  fireEvent(document, new MouseEvent('pointerup'));
  assert.deepEqual(size(), [7, 120]);
});

test('each chart has its own options, and those of several are folded', async () => {
  const { view, user } = grid([{ metrics: ['acc'] }, { metrics: ['loss'] }]);
  assert.equal(screen.queryByLabelText('Log y'), null);
  await user.click(screen.getByRole('button', { name: 'Options of loss' }));
  await user.click(screen.getByLabelText('Log y'));
  await user.click(screen.getByLabelText('Bands'));
  await user.selectOptions(screen.getByLabelText('Add metric'), 'val/loss');
  const [acc, loss] = view.peek().panels;
  assert.deepEqual(acc, { ...NEW_PANEL, metrics: ['acc'] });
  assert.deepEqual(loss, { ...NEW_PANEL, metrics: ['loss', 'val/loss'], log: true, band: 'none' });
  await user.click(screen.getByRole('button', { name: 'Remove val/loss from the chart' }));
  assert.deepEqual(view.peek().panels[1]!.metrics, ['loss']);
});

test('the cursor lists the runs by their values there, and marks the nearest in the table', async () => {
  const { selection } = grid([{ metrics: ['acc'] }]);
  const list = await screen.findByRole('list', { name: 'Runs in the chart' });
  const values = () => [...list.children].map((item) => item.textContent);
  await waitFor(() => assert.deepEqual(values(), ['b6', 'a5']));
  const plot = screen.getByRole('img');
  // The chart is drawn after the text.
  await waitFor(() => {
    fireEvent.keyDown(plot, { key: 'Home' });
    assert.deepEqual(values(), ['b1', 'a0']);
  });
  screen.getByText(/^step 0/);
  screen.getByText(/nearest is 2 of 2/);
  assert.deepEqual([selection.marked.value, list.querySelector('.nbt-nearest')?.textContent], ['a', 'a0']);
  fireEvent.blur(plot);
  await waitFor(() => assert.deepEqual(values(), ['b6', 'a5']));
  // A row of the table marks its curve.
  await act(() => {
    selection.marked.value = 'b';
  });
  assert.equal(list.querySelector('.nbt-hovered')?.textContent, 'b6');
});

test('values far outside are shown on demand, which is kept for this chart', async () => {
  const far = ({ run_ids, keys }: CurvesRequest): Answer<'curves'> => {
    const x = Float64Array.from({ length: 100 }, (_, i) => i);
    const y = x.map((step) => (step === 50 ? 1e9 : step / 100));
    return {
      reply: { series: run_ids.map((run_id) => ({ run_id, key: keys[0]!, points: 100, total: 100 })) },
      buffers: run_ids.flatMap(() => [x, y]),
    };
  };
  const { view, user } = grid([{ metrics: ['acc'] }], far);
  await user.click(await screen.findByRole('button', { name: 'Show all values' }));
  assert.equal(view.peek().panels[0]!.all_values, true);
  await user.click(screen.getByRole('button', { name: 'Leave out values far outside of the others' }));
  assert.equal(view.peek().panels[0]!.all_values, false);
});

test('the baseline is drawn once, on top of the others and named, even if it is not selected', async () => {
  const { connection, selection, view } = grid([{ metrics: ['acc'] }]);
  await act(() => selection.setBaseline({ kind: 'run', id: 'c' }));
  await waitFor(() => assert.deepEqual(connection.payloads('curves').at(-1)?.run_ids, ['c']));
  await screen.findByRole('img', { name: 'acc of 2 runs and the baseline' });
  const list = screen.getByRole('list', { name: 'Runs in the chart' });
  const listed = () => [...list.children].map((item) => item.textContent);
  await waitFor(() => assert.deepEqual(listed(), ['baseline: c5not in the table', 'b6', 'a5']));
  const swatch = list.firstElementChild!.querySelector('line')!;
  assert.equal(swatch.style.stroke, 'var(--nbt-text)');
  assert.equal(within(list).queryByRole('button', { name: /baseline/ }), null, 'Its style cannot be chosen.');
  await act(() => view.set({ selected: ['a', 'b', 'c'] }));
  await screen.findByRole('img', { name: 'acc of 3 runs' });
  assert.deepEqual(listed(), ['baseline: c5not in the table', 'b6', 'a5']);
  await act(() => view.set({ selected: [], baseline: 'a' }));
  await screen.findByRole('img', { name: 'acc of the baseline' });
  assert.deepEqual(listed(), ['baseline: a5']);
  await act(() => selection.setBaseline(null));
  assert.equal(screen.queryByRole('figure'), null);
});

test('curves are drawn as differences from the baseline, which say whether they are better', async () => {
  const { selection, view, columns, user } = grid([{ metrics: ['acc'], log: true }]);
  const option = () => screen.getByRole('checkbox', { name: 'Difference from the baseline' }) as HTMLInputElement;
  await screen.findByText('a');
  await user.click(option());
  assert.equal(view.peek().panels[0]!.difference, false);
  const reason = document.getElementById(option().getAttribute('aria-describedby')!)!;
  assert.equal(reason.textContent, 'Choose a baseline above the table first.');
  await act(() => selection.setBaseline({ kind: 'run', id: 'a' }));
  await user.click(option());
  assert.deepEqual([view.peek().panels[0]!.difference, option().checked], [true, true]);
  await screen.findByRole('img', { name: 'acc of 2 runs, difference from a' });
  await screen.findByText('Last differences, highest first · difference from a');
  const list = screen.getByRole('list', { name: 'Runs in the chart' });
  const listed = () => [...list.children].map((item) => item.textContent);
  // The runs end at 5 and 6.
  assert.deepEqual(listed(), ['baseline: a0', 'b▲+1']);
  await act(() => {
    columns.lower.value = new Set(['acc']);
  });
  assert.deepEqual(listed(), ['baseline: a0', 'b▼+1']);
  const log = screen.getByRole('checkbox', { name: 'Log y' }) as HTMLInputElement;
  assert.deepEqual([log.checked, log.getAttribute('aria-disabled')], [false, 'true']);
  await user.click(log);
  assert.equal(view.peek().panels[0]!.log, true, 'The choice is kept.');
  await act(() => selection.setBaseline(null));
  assert.deepEqual([listed(), log.checked], [['a5', 'b6'], true]);
});

test('a curve without a point in the range of the baseline is named, and so is a baseline without the metric', async () => {
  const answer = ({ run_ids, keys }: CurvesRequest): Answer<'curves'> => {
    // The run b has its points after the end of a, and c has none.
    const found = run_ids.filter((run_id) => run_id !== 'c');
    return {
      reply: { series: found.map((run_id) => ({ run_id, key: keys[0]!, points: 2, total: 2 })) },
      buffers: found.flatMap((run_id) => [
        run_id === 'a' ? Float64Array.of(0, 1) : Float64Array.of(5, 6),
        Float64Array.of(1, 2),
      ]),
    };
  };
  const { selection } = grid([{ metrics: ['acc'], difference: true }], answer);
  await act(() => selection.setBaseline({ kind: 'run', id: 'a' }));
  await screen.findByText('1 curve has no point in the range of the baseline.');
  await act(() => selection.setBaseline({ kind: 'run', id: 'c' }));
  await screen.findByText('The baseline has no acc.');
  assert.equal(screen.getByRole('list', { name: 'Runs in the chart' }).children.length, 0);
});

test('the means of groups are drawn as differences from that of a group, with their bands', async () => {
  const { connection, groups, view } = grid([{ metrics: ['acc'], difference: true }]);
  connection.answers.group_curves = (request) => {
    const { reply, buffers } = means(request);
    // The mean of the second group is 0.25 higher.
    return { reply, buffers: buffers.map((values, i) => (i === 7 ? values.map((value) => value + 0.25) : values)) };
  };
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({
      group_by: 'params.optimizer',
      selected: [],
      selected_groups: ['s:adam', 's:sgd'],
      baseline_group: 's:adam',
    });
  });
  await screen.findByRole('img', { name: 'acc of 2 groups, difference from adam' });
  const list = screen.getByRole('list', { name: 'Runs in the chart' });
  await waitFor(() =>
    assert.deepEqual(
      [...list.children].map((item) => item.textContent),
      ['baseline: adam0', 'sgd▲+0.2500'],
    ),
  );
});

test('a group that is the baseline is drawn and read with the selected ones', async () => {
  const { connection, groups, view } = grid([{ metrics: ['acc', 'loss'] }]);
  connection.answers.group_curves = means;
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({ group_by: 'params.optimizer', selected: [], selected_groups: ['s:sgd'], baseline_group: 's:adam' });
  });
  await screen.findByRole('img', { name: 'acc, loss of 1 group and the baseline' });
  assert.deepEqual(connection.payloads('group_curves')[0]!.groups, ['s:sgd', 's:adam']);
  const list = screen.getByRole('list', { name: 'Runs in the chart' });
  await waitFor(() =>
    assert.deepEqual(
      [...list.children].map((item) => item.textContent),
      ['baseline: adam, acc3', 'baseline: adam, loss3', 'sgd, acc3', 'sgd, loss3'],
    ),
  );
});

/** The mean of two runs of each group: 1 at step 0, then the mean of the single run that goes on. */
const means = ({ groups, metrics }: GroupCurvesRequest): Answer<'group_curves'> => ({
  reply: {
    series: groups.flatMap((group) =>
      metrics.map((metric) => ({
        ...{ group, metric, runs: 2, points: 2, total: 3, width: 1, nan: 0, pos_inf: 0, neg_inf: 0 },
      })),
    ),
    ...{ x_axis: 'step', x_min: null, x_max: null, max_points: 500 },
  },
  buffers: groups.flatMap(() =>
    metrics.flatMap(() => [
      ...[Float64Array.of(0, 1), Float64Array.of(1, 3), Float64Array.of(0.5, NaN)],
      ...[Float64Array.of(4, 1), Float64Array.of(0, 3), Float64Array.of(2, 3)],
    ]),
  ),
});

test('selected groups are drawn as their means, read once for the axis, with the runs of the group on demand', async () => {
  const { connection, groups, view, user } = grid([{ metrics: ['acc'] }]);
  connection.answers.group_curves = means;
  connection.answers.runs = () => runsReply([tableRow('c'), tableRow('d')]);
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({ group_by: 'params.optimizer', selected: ['a'], selected_groups: ['s:adam', 's:sgd'] });
  });
  await screen.findByRole('img', { name: 'acc of 2 groups and 1 run' });
  const list = screen.getByRole('list', { name: 'Runs in the chart' });
  await waitFor(() =>
    assert.deepEqual(
      [...list.children].map((item) => item.textContent),
      ['a5', 'adam3', 'sgd3'],
    ),
  );
  const [asked] = connection.payloads('group_curves');
  assert.deepEqual([asked!.by, asked!.groups, asked!.metrics], ['params.optimizer', ['s:adam', 's:sgd'], ['acc']]);
  screen.getByText(/The bands are the mean plus and minus the standard deviation of the runs\./);
  await user.selectOptions(screen.getByLabelText('Band'), 'Lowest to highest');
  screen.getByText(/The bands reach from the lowest to the highest value of any run\./);
  assert.equal(connection.payloads('group_curves').length, 1);
  await user.click(screen.getByLabelText('Every curve of the group'));
  await waitFor(() => assert.deepEqual(connection.payloads('curves').at(-1)?.run_ids, ['c', 'd']));
  assert.deepEqual(connection.payloads('runs')[0]!.group, { by: 'params.optimizer', key: 's:adam' });
  assert.equal(list.children.length, 3, 'The curves behind the means are not listed.');
  await user.selectOptions(screen.getByLabelText('X axis'), 'metric');
  await user.selectOptions(screen.getByLabelText('Metric of the x axis'), 'loss');
  screen.getByText(
    /Groups are not drawn over another metric, because their runs reach its values at different steps\./,
  );
  assert.equal(connection.payloads('curves').at(-1)?.x_metric, 'loss');
  await user.click(screen.getByRole('button', { name: 'Draw over steps' }));
  await waitFor(() => assert.equal(list.children.length, 3));
});

test('an error of the curves of groups is shown, and they are read again', async () => {
  const { connection, groups, view, user } = grid([{ metrics: ['acc'] }]);
  connection.answers.group_curves = () => {
    throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
  };
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({ group_by: 'params.optimizer', selected: [], selected_groups: ['s:adam'] });
  });
  await screen.findByText('The kernel is busy.');
  connection.answers.group_curves = means;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('adam');
  assert.equal(screen.queryByText('The kernel is busy.'), null);
});

test('the means of groups stay until those of more groups are there, and say where runs have ended', async () => {
  const { connection, groups, view, user } = grid([{ metrics: ['acc'] }]);
  connection.answers.group_curves = means;
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({ group_by: 'params.optimizer', selected: [], selected_groups: ['s:adam'] });
  });
  await screen.findByText('adam');
  screen.getByText(/Some runs end earlier, so the last means are of fewer runs\./);
  connection.answers.group_curves = () => {
    throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
  };
  await act(() => view.set({ selected_groups: ['s:adam', 's:sgd'] }));
  await screen.findByText('The kernel is busy.');
  assert.ok(screen.getByText('adam'));
  connection.answers.group_curves = means;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('sgd');
  assert.ok(screen.getByText('adam'));
});

test('points of groups that are not finite are counted and marked as those of runs are', async () => {
  const { connection, groups, view } = grid([{ metrics: ['acc'] }]);
  connection.answers.group_curves = (request) => {
    const { reply, buffers } = means(request);
    const [first, ...others] = reply.series;
    const series = [{ ...first!, nan: 2, neg_inf: 1, odd: buffers.length }, ...others];
    return { reply: { ...reply, series }, buffers: [...buffers, Float64Array.of(0, 1), Float64Array.of(0, -1)] };
  };
  await act(() => {
    groups.by.value = 'params.optimizer';
    view.set({ group_by: 'params.optimizer', selected: [], selected_groups: ['s:adam', 's:sgd'] });
  });
  await screen.findByText(/3 points are marked at the edge: 2 NaN.*, 1 infinite/);
});

test('over another metric, a run without a step that has both metrics is named as such', async () => {
  grid([{ metrics: ['acc'], x_metric: 'loss' }], (request) =>
    points({ ...request, run_ids: request.run_ids.filter((id) => id !== 'b') }),
  );
  await screen.findByText('1 selected run has no step with both acc and loss.');
});

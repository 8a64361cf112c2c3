import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { GroupRow, PanelView, TableRow, ViewState } from '../../contract';
import { CurveCache } from '../../data/curves';
import { GroupCurveCache } from '../../data/group_curves';
import { ColumnState } from '../../state/columns';
import { GroupPages } from '../../state/groups';
import { RunPages } from '../../state/pages';
import { Panels } from '../../state/panels';
import { QueryState } from '../../state/query';
import { Selection } from '../../state/selection';
import { NEW_PANEL } from '../../state/view';
import { FakeConnection, groupsReply, refusal, runsReply } from '../../testing/connection';
import { groupRow, tableRow } from '../../testing/rows';
import { viewOf } from '../../testing/view';
import { Curves } from '../curves/curves';

const BY = 'params.lr';

interface Shown {
  rows?: TableRow[];
  lower?: string[];
  groups?: GroupRow[];
  answers?: FakeConnection['answers'];
  live?: boolean;
  panel?: Partial<PanelView>;
  view?: Partial<ViewState>;
}

/** Show bars of the last values of `acc`. The table has `rows`, or `groups` by a param. */
function shown({ rows = [], lower = [], groups: found, answers = {}, live = true, panel, view: fields }: Shown) {
  const connection = new FakeConnection({ curves: () => ({ series: [] }), ...answers });
  connection.live = live;
  const panels = [{ ...NEW_PANEL, kind: 'bars' as const, metrics: ['acc'], ...panel }];
  const view = viewOf({ panels, ...(found && { group_by: BY }), ...fields });
  const [pages, columns, selection] = [new RunPages(), new ColumnState(view), new Selection(view)];
  const reply = runsReply(rows, { metrics: ['acc', 'loss'], lower_is_better: lower });
  pages.put(reply, 0, ['metrics.acc', 'metrics.loss']);
  columns.put(reply);
  const groups = new GroupPages(view, pages);
  if (found) {
    groups.put(groupsReply(found), BY, 0, ['metrics.acc']);
  }
  const states = { groups, query: new QueryState(view), groupCache: new GroupCurveCache(connection) };
  const parts = { connection, cache: new CurveCache(connection), ...states, selection, pages, columns };
  render(<Curves {...parts} panels={new Panels(view)} />);
  return { ...parts, view, reply, user: userEvent.setup({ delay: null }) };
}

const acc = (id: string, value: TableRow['metrics'][string]) => tableRow(id, { metrics: { acc: value } });
const statistics = (mean: number | null, std: number | null, n: number) => ({ n, mean, std, min: mean, max: mean });
const group = (key: string, mean: number | null, std: number | null, n: number, runs = n) =>
  groupRow(key, { runs, metrics: { acc: statistics(mean, std, n) } });

/** Return the text of the cells of each bar. */
function texts(): string[][] {
  return [...document.querySelectorAll('.nbt-bar-row')].map((row) =>
    [...row.children].map((cell) => cell.textContent!.trim()),
  );
}

/** Return where a part of each bar is, in percent. */
function places(name: string): string[][] {
  return [...document.querySelectorAll<HTMLElement>(`.${name}`)].map(({ style }) => [style.left, style.width]);
}

test('each selected run has a bar from zero, the best first, with its value as the table writes it', () => {
  const rows = [acc('a', 0.5), acc('b', 2), acc('c', -0.5), acc('d', 9)];
  const { connection } = shown({ rows, view: { selected: ['a', 'b', 'c'] } });
  assert.deepEqual(texts(), [
    ['b', '', '2'],
    ['a', '', '0.5000'],
    ['c', '', '−0.5000'],
  ]);
  // From -0.5 to 2 there are 2.5, so zero is at a fifth.
  assert.deepEqual(places('nbt-bar'), [
    ['20%', '80%'],
    ['20%', '20%'],
    ['0%', '20%'],
  ]);
  assert.deepEqual(places('nbt-bar-zero')[0], ['20%', '']);
  assert.deepEqual(
    connection.asked.map(({ name }) => name),
    [],
    'the rows of the table have all values',
  );
  assert.ok(screen.getByRole('table', { name: 'acc' }));
  assert.ok(screen.getByRole('rowheader', { name: 'b' }));
});

test('a second metric has its own bars, and lower values come first if they are better', () => {
  const rows = [tableRow('a', { metrics: { acc: 1, loss: 3 } }), tableRow('b', { metrics: { acc: 2, loss: 4 } })];
  shown({ rows, lower: ['loss'], panel: { metrics: ['acc', 'loss'] }, view: { selected: ['a', 'b'] } });
  assert.deepEqual(
    texts().map(([name, , value]) => `${name} ${value}`),
    ['b 2', 'a 1', 'a 3', 'b 4'],
  );
  assert.ok(screen.getByText(/best first \(lower is better\)/));
});

test('NaN, infinity and missing values are said in words and have no bar', () => {
  const rows = [tableRow('none'), acc('nan', 'NaN'), acc('low', '-Infinity'), acc('one', 1)];
  shown({ rows, view: { selected: ['none', 'nan', 'low', 'one'] } });
  assert.deepEqual(texts(), [
    ['one', '', '1'],
    ['low', 'minus infinity', '−∞'],
    ['nan', 'not a number', 'NaN'],
    ['none', 'no value', ''],
  ]);
  assert.deepEqual(places('nbt-bar'), [['0%', '100%']]);
});

test('a group has a bar for its mean, with the deviation as a line and the number of its runs', () => {
  const groups = [group('n:1', 3, 1, 4, 5), group('n:2', 2, null, 1), group('n:3', null, null, 0, 2)];
  shown({ groups, view: { selected_groups: ['n:1', 'n:2', 'n:3'] } });
  assert.deepEqual(texts(), [
    ['1', '', '3±1.0, mean of 4 of 5 runs'],
    ['2', '', '2, mean of 1 of 1 run'],
    ['3', 'no value', ''],
  ]);
  // The longest reaches to 3 + 1.
  assert.deepEqual(places('nbt-bar'), [
    ['0%', '75%'],
    ['0%', '50%'],
  ]);
  assert.deepEqual(places('nbt-bar-whisker'), [['50%', '50%']]);
  assert.match(
    document.querySelector('.nbt-bar-row')!.getAttribute('title')!,
    /mean of 4 of 5 runs\nstandard dev.* 1$/,
  );
});

test('the baseline is a line, and each other bar has its difference with the direction of the metric', () => {
  const rows = [acc('a', 4), acc('b', 1), acc('c', 2)];
  const { selection } = shown({ rows, lower: ['acc'], view: { selected: ['a', 'b', 'c'], baseline: 'c' } });
  assert.deepEqual(
    texts().map(([name, , value]) => [name, value]),
    [
      ['b', '1▲−1'],
      ['c', '2baseline'],
      ['a', '4▼+2'],
    ],
  );
  assert.deepEqual(
    places('nbt-bar-line').map(([left]) => left),
    ['50%', '50%', '50%'],
  );
  assert.ok(screen.getByText(/Baseline c: 2\./));
  act(() => selection.setBaseline(null));
  assert.equal(document.querySelector('.nbt-bar-line, .nbt-difference'), null);
});

test('the baseline has a bar even if it is not selected', () => {
  const groups = [group('n:1', 3, 1, 4), group('n:2', 1, null, 1)];
  shown({ groups, view: { selected_groups: ['n:1'], baseline_group: 'n:2' } });
  assert.deepEqual(
    texts().map(([, , value]) => value),
    ['3±1.0, mean of 4 of 4 runs▲+2', '1, mean of 1 of 1 runbaseline'],
  );
  assert.deepEqual(places('nbt-bar-line')[0], ['25%', '']);
});

test('only the runs that the table does not have are requested, together, and again after a query', async () => {
  const { connection, pages, reply } = shown({
    rows: [acc('a', 1)],
    answers: { runs: () => runsReply([acc('x', 5)]) },
    view: { selected: ['a', 'x', 'gone'], baseline: 'y' },
  });
  assert.deepEqual(
    texts().map(([name, words]) => `${name} ${words}`),
    ['a ', 'x Loading…', 'gone Loading…', 'y Loading…'],
  );
  await waitFor(() => assert.deepEqual(texts()[0], ['x', '', '5']));
  assert.deepEqual(texts()[2], ['gone', 'no value', '']);
  const [request, ...others] = connection.payloads('runs');
  assert.equal(request!.filter, "attributes.run_id IN ('x', 'gone', 'y')");
  assert.deepEqual([request!.metrics, request!.params, others], [['acc'], [], []]);
  connection.answers.runs = () => runsReply([acc('x', 0.5)]);
  act(() => pages.put(reply, 0, ['metrics.acc'], true));
  assert.deepEqual(texts()[0], ['x', '', '5'], 'the last value stays until it has been read again');
  await waitFor(() => assert.deepEqual(texts()[1], ['x', '', '0.5000']));
});

test('groups that the table does not have are read by their keys', async () => {
  const { connection } = shown({
    groups: [group('n:1', 3, null, 1)],
    answers: { groups: () => groupsReply([group('n:8', 8, null, 1)], { count: 2_500 }) },
    view: { selected_groups: ['n:1', 'n:8', 'n:9'] },
  });
  await waitFor(() => assert.equal(texts()[0]![2], '8, mean of 1 of 1 run'));
  assert.deepEqual(
    connection.payloads('groups').map(({ by, keys, metrics }) => [by, keys, metrics]),
    [[BY, ['n:8', 'n:9'], ['acc']]],
  );
});

test('an error is shown, and asking again reads the values', async () => {
  let fails = true;
  const { user } = shown({
    answers: {
      runs: () => {
        if (fails) {
          throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
        }
        return runsReply([acc('x', 5)]);
      },
    },
    view: { selected: ['x'] },
  });
  await screen.findByText('The kernel is busy.');
  fails = false;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => assert.deepEqual(texts(), [['x', '', '5']]));
  assert.equal(screen.queryByText('The kernel is busy.'), null);
});

test('a saved notebook shows the bars of its rows, and says which values it does not have', () => {
  const { connection } = shown({ rows: [acc('a', 1)], live: false, view: { selected: ['a', 'x'] } });
  assert.deepEqual(texts(), [
    ['a', '', '1'],
    ['x', 'not saved with the notebook', ''],
  ]);
  assert.deepEqual(connection.asked, []);
});

test('with more than 50 runs, the best 50 are shown and the others on demand', async () => {
  const ids = Array.from({ length: 120 }, (_, i) => `r${i}`);
  const { user } = shown({ rows: ids.map((id, i) => acc(id, i)), view: { selected: ids } });
  assert.deepEqual([texts().length, texts()[0]![0], texts()[49]![0]], [50, 'r119', 'r70']);
  await user.click(screen.getByRole('button', { name: 'Show more bars of acc' }));
  assert.equal(texts().length, 100);
  await user.click(screen.getByRole('button', { name: 'Show more bars of acc' }));
  assert.equal(texts().length, 120);
  assert.equal(screen.queryByRole('button', { name: 'Show more bars of acc' }), null);
});

test('the row under the pointer marks its run, and a marked run its row', () => {
  const { selection } = shown({ rows: [acc('a', 1), acc('b', 2)], view: { selected: ['a', 'b'] } });
  const row = document.querySelector('.nbt-bar-row')!;
  fireEvent.pointerEnter(row);
  assert.equal(selection.marked.value, 'b');
  assert.ok(row.classList.contains('nbt-hovered'));
  fireEvent.pointerLeave(row);
  assert.equal(selection.marked.value, null);
  act(() => {
    selection.marked.value = 'a';
  });
  assert.deepEqual(
    [...document.querySelectorAll('.nbt-hovered')].map((each) => each.querySelector('th')!.textContent),
    ['a'],
  );
});

test('runs are told apart by color, and after the last color by the pattern of the bar', () => {
  const ids = Array.from({ length: 9 }, (_, i) => `r${i}`);
  shown({ rows: ids.map((id, i) => acc(id, 9 - i)), view: { selected: ids } });
  const bars = [...document.querySelectorAll<HTMLElement>('.nbt-bar')].map(({ style }) => [
    style.getPropertyValue('--nbt-bar-color'),
    style.backgroundImage !== '',
  ]);
  assert.deepEqual(bars[0], ['var(--nbt-c0)', false]);
  assert.deepEqual(bars[8], ['var(--nbt-c0)', true]);
});

test('a chart is shown as bars or curves, and bars can be logarithmic', async () => {
  const { view, user } = shown({ rows: [acc('a', 1), acc('b', 10)], view: { selected: ['a', 'b'] } });
  await user.click(screen.getByLabelText('Log scale'));
  assert.deepEqual(places('nbt-bar'), [
    ['0%', '100%'],
    ['0%', '50%'],
  ]);
  assert.ok(screen.getByText(/Logarithmic, from 0.1 to 10\./));
  await user.selectOptions(screen.getByLabelText('Show as'), 'curves');
  assert.equal(view.peek().panels[0]!.kind, 'curves');
  assert.equal(document.querySelector('.nbt-bars'), null);
  assert.ok(screen.getByLabelText('Log y'));
});

test('a chart that is added starts as bars if each curve is a single point, and others offer it', async () => {
  const { view, user } = shown({
    rows: [acc('a', 1)],
    answers: {
      curves: ({ run_ids, keys }) => ({
        reply: { series: run_ids.flatMap((run_id) => keys.map((key) => ({ run_id, key, points: 1, total: 1 }))) },
        buffers: run_ids.flatMap(() => keys.flatMap(() => [Float64Array.of(0), Float64Array.of(1)])),
      }),
    },
    panel: { kind: 'curves', metrics: ['loss'] },
    view: { selected: ['a'] },
  });
  await screen.findByText(/Each curve is a single point/);
  assert.equal(view.peek().panels[0]!.kind, 'curves');
  await user.click(screen.getByRole('button', { name: 'Add chart' }));
  await user.type(screen.getByLabelText('Search metrics'), 'acc{Enter}');
  await screen.findByRole('table', { name: 'acc' });
  assert.deepEqual(
    view.peek().panels.map(({ kind }) => kind),
    ['curves', 'bars'],
  );
  await user.click(screen.getByRole('button', { name: 'Show as bars' }));
  assert.deepEqual(
    view.peek().panels.map(({ kind }) => kind),
    ['bars', 'bars'],
  );
});

test('bars show the best, the first or the mean value, which is requested if the table does not have it', async () => {
  const all = { first: 9, low: 1, high: 9, mean: 4, tail: 2 };
  const { connection, user } = shown({
    rows: [acc('a', 3), acc('b', 5)],
    lower: ['acc'],
    answers: { runs: () => runsReply([tableRow('a', { statistics: { acc: all } }), tableRow('b')]) },
    view: { selected: ['a', 'b'] },
  });
  await user.selectOptions(screen.getByLabelText('Value'), 'best');
  await waitFor(() =>
    assert.deepEqual(texts(), [
      ['a', '', '1'],
      ['b', 'no value', ''],
    ]),
  );
  assert.ok(screen.getByText(/Best values, best first \(lower is better\)/));
  await user.selectOptions(screen.getByLabelText('Value'), 'mean');
  await waitFor(() => assert.deepEqual(texts()[0], ['a', '', '4']));
  await user.selectOptions(screen.getByLabelText('Value'), 'last');
  assert.deepEqual(texts()[0], ['a', '', '3']);
  assert.deepEqual(
    connection.payloads('runs').map(({ metrics, statistics }) => [metrics, statistics]),
    [
      [[], ['acc']],
      [[], ['acc']],
    ],
  );
});

test('bars of groups show the mean of the best values of their runs', async () => {
  const best = (mean: number) => groupRow('n:1', { runs: 2, columns: { 'max(metrics.acc)': statistics(mean, 1, 2) } });
  const { connection } = shown({
    groups: [group('n:1', 3, null, 2)],
    answers: { groups: () => groupsReply([best(8)]) },
    panel: { statistic: 'best' },
    view: { selected_groups: ['n:1'] },
  });
  await waitFor(() => assert.deepEqual(texts(), [['1', '', '8±1.0, mean of 2 of 2 runs']]));
  const [request] = connection.payloads('groups');
  assert.deepEqual([request!.metrics, request!.columns], [[], ['max(metrics.acc)']]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Snapshot } from '../connection/snapshot';
import * as screens from '../screens';
import { runsReply } from '../testing/connection';
import { tableRow } from '../testing/rows';
import { modelRow, versionRow } from '../testing/versions';
import { savedView } from './saved_view';

const runs = runsReply([tableRow('a', { metrics: { acc: 0.2 } }), tableRow('b', { metrics: { acc: 0.9 } })]);
const snapshot = (view: string, options: object, answers: object): Snapshot => {
  const saved = Object.entries(answers).map(([name, reply]) => [name, { payload: {}, reply, buffers: [] }]);
  return { view, options, answers: Object.fromEntries(saved) } as Snapshot;
};

test('the screens of saved notebooks keep their names', () => {
  for (const name of ['comparison', 'live', 'registry', 'run_page']) {
    assert.ok(Object.hasOwn(screens, name), name);
  }
});

test('a saved comparison shows its runs, and can still sort and select them', async () => {
  const user = userEvent.setup({ delay: null });
  render(savedView(snapshot('comparison', { filter: 'metrics.acc > 0', selected: ['a'] }, { runs })));
  await screen.findByText('2 runs, 1 selected');
  assert.equal(screen.getByLabelText<HTMLInputElement>('Filter runs').value, 'metrics.acc > 0');
  const names = () => [...document.querySelectorAll('[data-run-id]')].map((row) => row.getAttribute('data-run-id'));
  assert.deepEqual(names(), ['a', 'b']);
  await user.click(screen.getByRole('button', { name: /^acc/ }));
  await waitFor(() => assert.deepEqual(names(), ['b', 'a']));
  await user.click(screen.getByRole('checkbox', { name: 'Select b' }));
  await screen.findByText('2 runs, 2 selected');
});

test('a saved registry shows its model', async () => {
  render(savedView(snapshot('registry', { name: null }, { registry: { models: [modelRow([versionRow(1)])] } })));
  await screen.findByText('1 version');
});

test('a name of an unknown screen shows a note, even if it is a property of every object', async () => {
  for (const view of ['dashboard', 'constructor', '__proto__']) {
    const { unmount } = render(savedView(snapshot(view, {}, {})));
    await screen.findByText(/saved by a newer version of nbtrack/);
    unmount();
  }
});

test('text of a saved run stays text', async () => {
  const hostile = runsReply([tableRow('<script>1</script>', { params: { p: '<img src=x onerror=1>' } })]);
  render(savedView(snapshot('comparison', {}, { runs: hostile })));
  await screen.findByText('<script>1</script>');
  await screen.findByText('<img src=x onerror=1>');
  assert.equal(document.querySelector('img, script'), null);
});

test('a comparison of which only the first runs were saved says so', async () => {
  const part = runsReply([tableRow('a'), tableRow('b')], { total: 10_000, count: 10_000 });
  render(savedView(snapshot('comparison', {}, { runs: part })));
  await screen.findByText(/The first 2 of 10,000 runs were kept. Run the cell/);
});

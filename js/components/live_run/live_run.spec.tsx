import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { act, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Answer } from '../../connection/connection';
import type { EditRunReply, LiveReply, StopRequest } from '../../contract';
import { alive } from '../../testing/confirm';
import { FakeConnection, refusal } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { DEFAULT_VIEW } from '../panel_sections/metric_panels';
import { LiveRun } from './live_run';

const running = (loss: number, now: number, fields: Partial<LiveReply> = {}): Answer<'live'> => ({
  reply: {
    run: { ...tableRow('calm-owl', { metrics: { loss } }), status: 'RUNNING', end_time: null },
    now,
    panels: [{ title: 'loss', keys: ['loss'] }],
    system: [],
    datasets: [],
    series: [{ run_id: 'calm-owl', key: 'loss', points: 2, total: 2 }],
    summary: [],
    error: null,
    attempt: null,
    ...fields,
  },
  buffers: [Float64Array.of(0, 1), Float64Array.of(1, loss)],
});

function liveRun(answers: FakeConnection['answers']) {
  const connection = new FakeConnection(answers);
  const view = signal(DEFAULT_VIEW);
  render(<LiveRun connection={connection} run_id="calm-owl" view={view} />);
  return { connection, view, user: userEvent.setup({ delay: null }) };
}

test('what the kernel pushes is drawn without being asked for', async () => {
  const { connection } = liveRun({ live: () => running(0.5, 1) });
  await screen.findByText('0.5000');
  await act(() => connection.push('live', running(0.25, 2)));
  assert.ok(screen.getByText('0.2500'));
  assert.equal(connection.payloads('live').length, 1);
});

test('an answer that is older than a push does not replace it', async () => {
  let answer: (reply: LiveReply) => void = () => undefined;
  const { connection } = liveRun({ live: () => new Promise((resolve) => (answer = resolve)) });
  await act(() => connection.push('live', running(0.25, 2)));
  await act(async () => {
    answer(running(0.5, 1).reply);
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
  assert.ok(screen.getByText('0.2500'));
});

test('a run that failed shows its error, its summary and what changed since the previous attempt', async () => {
  const run = { ...tableRow('calm-owl', { metrics: { loss: 0.5 } }), status: 'FAILED' as const };
  const { reply } = running(0.5, 1, {
    run,
    error: 'ValueError: <b>x</b>',
    summary: [{ key: 'loss', last: 0.5, best: 0.25, best_step: 1, lower_is_better: true, points: 2 }],
    attempt: {
      number: 2,
      previous_run_id: 'p',
      previous_run_name: 'old-owl',
      changes: [{ kind: 'param', key: 'lr', old: '1', new: '0.1' }],
      code_changed: true,
    },
  });
  liveRun({ live: () => reply });
  await screen.findByText('ValueError: <b>x</b>');
  assert.ok(screen.getByRole('row', { name: /loss 0\.5000 0\.2500 min 1 2/ }));
  assert.match(
    screen.getByRole('region', { name: 'Changes since the previous attempt' }).textContent ?? '',
    /lr1→0\.1/,
  );
});

test('system metrics of the process are apart from those of the machine, and shown on demand', async () => {
  const system = [
    { title: 'CPU, %', keys: ['system/process_cpu_percentage'], scope: 'process' as const },
    { title: 'Memory, MB', keys: ['system/memory_megabytes'] },
  ];
  const { user, view } = liveRun({ live: () => running(0.5, 1, { system }) });
  const toggle = await screen.findByRole('button', { name: 'This process 1' });
  assert.ok(screen.getByRole('button', { name: 'The whole machine 1' }));
  assert.equal(screen.queryByText('process_cpu_percentage'), null);
  await user.click(toggle);
  assert.ok(screen.getByText('process_cpu_percentage'));
  assert.equal(screen.queryByText('memory_megabytes'), null);
  assert.equal(toggle.getAttribute('aria-expanded'), 'true');
  assert.deepEqual(view.value.open, { 'This process': true });
});

test('a push that was lost is made up for by a request, and pushes in between change nothing', async () => {
  const values = (reply: Answer<'live'>, fields: object): Answer<'live'> => ({
    ...reply,
    reply: { ...reply.reply, ...fields },
  });
  const { connection } = liveRun({ live: () => running(0.5, 1) });
  await screen.findByText('0.5000');
  await act(() => connection.push('live', values(running(0.25, 2), { push: 1, after: null })));
  assert.ok(screen.getByText('0.2500'));
  connection.answers = { live: () => running(0.125, 4) };
  await act(() => connection.push('live', values(running(0.7, 4), { push: 3, after: 2 })));
  await screen.findByText('0.1250');
  assert.equal(connection.payloads('live').length, 2);
  await act(() => connection.push('live', values(running(0.0625, 5), { push: 4, after: null })));
  assert.ok(screen.getByText('0.06250'));
  assert.equal(connection.payloads('live').length, 2);
});

test('a run that could not be read is read again on demand', async () => {
  let failures = 1;
  const { user } = liveRun({
    live: () => {
      if (failures-- > 0) {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The kernel is busy.');
      }
      return running(0.5, 1);
    },
  });
  await screen.findByText('The kernel is busy.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('0.5000');
  await waitFor(() => assert.equal(screen.queryByText('The kernel is busy.'), null));
});

test('a run with very many metrics shows them in pages, and a push does not turn the page back', async () => {
  const page = (offset: number, now = 1) =>
    running(0.5, now, { metric_count: 501, panels: [{ title: `from ${offset}`, keys: ['loss'] }] });
  const { connection, user } = liveRun({ live: ({ offset }) => page(offset!) });
  await screen.findByText('1 to 500 of 501 metrics');
  await user.click(screen.getByRole('button', { name: 'Next metrics' }));
  await screen.findByText('501 to 501 of 501 metrics');
  await screen.findByText('from 500');
  await act(() => connection.push('live', page(0, 2)));
  await waitFor(() => assert.equal(connection.payloads('live').at(-1)?.offset, 500));
  assert.ok(screen.getByText('from 500'));
  const next = screen.getByRole('button', { name: 'Next metrics' });
  next.focus();
  await user.keyboard('{Enter}');
  assert.equal(next.getAttribute('aria-disabled'), 'true');
  assert.ok(document.activeElement === next && screen.getByText('501 to 501 of 501 metrics'));
  await user.click(screen.getByRole('button', { name: 'Previous metrics' }));
  await screen.findByText('from 0');
});

test('while a page of metrics is being read, pushes do not request it again', async () => {
  const page = (now: number, title: string) =>
    running(0.5, now, { metric_count: 501, panels: [{ title, keys: ['loss'] }] });
  const waiting: ((reply: LiveReply) => void)[] = [];
  const { connection, user } = liveRun({
    live: ({ offset }) => (offset === 0 ? page(1, 'first') : new Promise((resolve) => waiting.push(resolve))),
  });
  await screen.findByText('first');
  await user.click(screen.getByRole('button', { name: 'Next metrics' }));
  for (const now of [2, 3, 4]) {
    await act(() => connection.push('live', page(now, 'first')));
  }
  assert.equal(waiting.length, 1);
  await act(async () => waiting[0]!(page(2, 'second').reply));
  await screen.findByText('second');
  await waitFor(() => assert.equal(waiting.length, 2));
  await act(async () => waiting[1]!(page(4, 'as of the last push').reply));
  await screen.findByText('as of the last push');
  assert.equal(waiting.length, 2);
});

test('long lists of params, datasets and changes are shown in pages', async () => {
  const dataset = { name: 'digits', digest: 'd1', context: 'train', rows: 3, source: '' };
  const change = { kind: 'param' as const, key: 'lr', old: '1', new: '2' };
  const attempt = { number: 2, previous_run_id: 'p', previous_run_name: 'p', code_changed: false };
  const { connection, user } = liveRun({
    live: ({ dataset_offset, change_offset }) =>
      running(0.5, 1, {
        param_count: 200,
        datasets: [{ ...dataset, name: `dataset ${dataset_offset}` }],
        dataset_count: 203,
        attempt: { ...attempt, changes: [{ ...change, key: `change ${change_offset}` }], change_count: 1405 },
      }),
  });
  await screen.findByText('1 to 200 of 203 datasets');
  assert.ok(screen.getByText('1 to 200 of 1,405 changes'));
  assert.equal(screen.queryByText(/of 200 params/), null);
  screen.getByRole('button', { name: 'Next changes' }).focus();
  await user.keyboard('{Enter}');
  await screen.findByText('change 200');
  await user.click(screen.getByRole('button', { name: 'Next datasets' }));
  await screen.findByText('dataset 200');
  assert.ok(screen.getByText('201 to 203 of 203 datasets'));
  await act(() => connection.push('live', running(0.5, 2)));
  await waitFor(() => assert.deepEqual(connection.payloads('live').length, 4));
  const last = connection.payloads('live').at(-1);
  assert.deepEqual([last?.param_offset, last?.dataset_offset, last?.change_offset], [0, 200, 200]);
  assert.ok(screen.getByText('dataset 200'));
});

test('after the end, results say whether they are better than those of the previous attempt', async () => {
  const change = { kind: 'metric' as const, key: 'loss', old: '0.5', new: '0.25', better: true };
  const attempt = { number: 2, previous_run_id: 'p', previous_run_name: 'old-owl', code_changed: false };
  const run = { ...tableRow('calm-owl'), status: 'FINISHED' as const };
  const changes = [change, { ...change, key: 'acc', better: false }, { ...change, key: 'nan', new: 'nan' }];
  const { connection } = liveRun({
    live: () => running(0.5, 1, { run, attempt: { ...attempt, changes, change_count: 3 } }),
  });
  const results = (await screen.findByRole('list', { name: 'Results' })).children;
  assert.deepEqual(
    [...results].map(({ textContent }) => textContent),
    ['loss0.5000→0.2500▲−0.2500', 'acc0.5000→0.2500▼−0.2500', 'nan0.5000→NaN'],
  );
  assert.ok(screen.getAllByTitle('better than the previous attempt').length === 1);
  await act(() => connection.push('live', running(0.5, 2, { run, attempt: { ...attempt, changes: [] } })));
  assert.ok(screen.getByText(/: nothing changed/));
  await act(() => connection.push('live', running(0.5, 3, { attempt: { ...attempt, changes: [] } })));
  assert.ok(screen.getByText(/: nothing has changed so far/));
});

test('progress has the time that is left, or how many are done in a second if the total is not known', async () => {
  const progress = { done: 30, total: 120 as number | null, label: 'epochs', seconds_left: 75, at: 1_000 };
  const { connection } = liveRun({ live: () => running(0.5, 1, { progress }) });
  const bar = await screen.findByRole('progressbar', { name: 'epochs' });
  assert.equal(bar.getAttribute('aria-valuetext'), '30 of 120, 25 %, 1 min 15 s left');
  assert.equal(bar.getAttribute('aria-valuenow'), '30');
  const unknown = { ...progress, total: null, seconds_left: null };
  await act(() => connection.push('live', running(0.5, 2, { progress: { ...unknown, done: 50, at: 5_000 } })));
  assert.equal(screen.getByRole('progressbar').getAttribute('aria-valuetext'), '50, 5 a second');
  assert.equal(screen.getByRole('progressbar').getAttribute('aria-valuenow'), null);
  const { reply } = running(0.5, 3, { progress });
  const ended = { ...reply, run: { ...reply.run, status: 'KILLED' as const } };
  await act(() => connection.push('live', { reply: ended, buffers: [] }));
  assert.ok(screen.getByText('30 of 120, 25 %'));
});

test('alerts, warnings and output are text, and a new alert is read out', async () => {
  const alert = { condition: 'metrics.loss > 10', key: 'loss', step: 7, value: 'NaN' as const, time: 1, count: 3 };
  const warnings = [{ category: 'UserWarning', message: '<b>slow</b>', count: 2 }];
  const output = ['epoch 1', '<i>epoch 2</i>'];
  const { connection, user, view } = liveRun({ live: () => running(0.5, 1, { warnings, output }) });
  await screen.findByText('<i>epoch 2</i>');
  assert.equal(screen.queryByText('epoch 1'), null);
  assert.ok(screen.getByText(': <b>slow</b>', { exact: false }));
  const live = screen.getAllByRole('alert').find((one) => one.classList.contains('nbt-alerts'))!;
  assert.equal(live.textContent, '');
  await act(() => connection.push('live', running(0.5, 2, { warnings, output, alerts: [alert] })));
  assert.match(live.textContent ?? '', /metrics\.loss > 10: loss was NaN at step 7 \(3 points in all\)/);
  await user.click(screen.getByRole('button', { name: 'Output' }));
  assert.equal(screen.getByRole('log').textContent, 'epoch 1\n<i>epoch 2</i>');
  assert.deepEqual(view.value.open, { Output: true });
});

test('the output follows its end, unless the user has scrolled up', async () => {
  const { connection, view } = liveRun({ live: () => running(0.5, 1, { output: ['a'] }) });
  view.value = { ...view.value, open: { Output: true } };
  const box = await screen.findByRole('log');
  const sizes = { scrollHeight: 500, clientHeight: 100 };
  for (const [name, get] of Object.entries(sizes)) {
    Object.defineProperty(box, name, { value: get });
  }
  await act(() => connection.push('live', running(0.5, 2, { output: ['a', 'b'] })));
  assert.equal(box.scrollTop, 500);
  box.scrollTop = 200;
  box.dispatchEvent(new Event('scroll'));
  await act(() => connection.push('live', running(0.5, 3, { output: ['a', 'b', 'c'] })));
  assert.equal(box.scrollTop, 200);
});

test('a run is stopped with a reason, and then says by whom', async () => {
  const { connection, user } = liveRun({
    live: () => running(0.5, 1, { can_stop: true }),
    stop_run: ({ reason }) => ({ stop: { by: 'ada', reason, time: 1 } }),
  });
  await user.click(await screen.findByRole('button', { name: 'Stop' }));
  await user.keyboard('no <b>progress</b>');
  (await alive('Stop the run')).click();
  await screen.findByText('Asked to stop by ada: no <b>progress</b>. The run ends at its next log call.');
  assert.deepEqual(connection.payloads('stop_run'), [{ run_id: 'calm-owl', reason: 'no <b>progress</b>' }]);
  assert.equal(screen.queryByRole('button', { name: 'Stop' }), null);
  await waitFor(() => assert.ok(document.activeElement === document.querySelector('.nbt-live-head')));
  const run = { ...tableRow('calm-owl'), status: 'KILLED' as const };
  const stop = { by: 'ada', reason: '', time: 1 };
  await act(() => connection.push('live', running(0.5, 2, { run, stop })));
  assert.ok(screen.getByText('Stopped by ada'));
});

test('if a busy kernel does not answer a request to stop, the form says what else there is', async () => {
  let answer: (reply: { stop: StopRequest }) => void = () => undefined;
  const { user } = liveRun({
    live: () => running(0.5, 1, { can_stop: true }),
    stop_run: () => new Promise((resolve) => (answer = resolve)),
  });
  await user.click(await screen.findByRole('button', { name: 'Stop' }));
  (await alive('Stop the run')).click();
  await screen.findByText('nbtrack stop calm-owl');
  await act(() => answer({ stop: { by: '', reason: '', time: null } }));
  await screen.findByText('Asked to stop. The run ends at its next log call.');
});

test('a run that another process cannot be asked to stop, or a saved one, has no button for it', async () => {
  const { connection } = liveRun({ live: () => running(0.5, 1) });
  await screen.findByText('0.5000');
  assert.equal(screen.queryByRole('button', { name: 'Stop' }), null);
  assert.ok(screen.getByRole('button', { name: 'Edit the name' }));
  connection.live = false;
  await act(() => connection.push('live', running(0.5, 2, { can_stop: true, note: 'kept' })));
  assert.equal(screen.queryByRole('button', { name: 'Stop' }), null);
  assert.equal(screen.queryByRole('button', { name: 'Edit the name' }), null);
  assert.ok(screen.getByText('kept'));
});

test('a run that starts says that there are no metrics yet, also if its notebook is from an earlier version', async () => {
  liveRun({ live: () => running(0.5, 1, { panels: [], series: [] }) });
  await screen.findByText('No metrics yet. Curves appear when the first metric is logged.');
});

test('a name that is saved only after the end of the run does not take the run back to its start', async () => {
  let answer: (reply: EditRunReply) => void = () => undefined;
  const { connection, user } = liveRun({
    live: () => running(0.5, 1),
    edit_run: () => new Promise((resolve) => (answer = resolve)),
  });
  await user.click(await screen.findByRole('button', { name: 'Edit the name' }));
  await user.keyboard('new name{Enter}');
  const run = { ...tableRow('calm-owl', { metrics: { loss: 0.25 } }), status: 'FINISHED' as const };
  await act(() => connection.push('live', running(0.25, 2, { run })));
  await act(async () => answer({ name: 'new name', note: '', tags: {} }));
  await screen.findByText('new name');
  assert.ok(screen.getByText('finished'));
  assert.ok(screen.getByText('0.2500'));
});

test('when another run is shown, no form and no answer of the run before it concerns it', async () => {
  let answer: (reply: { stop: StopRequest }) => void = () => undefined;
  const { connection, user } = liveRun({
    live: () => running(0.5, 1, { can_stop: true }),
    stop_run: () => new Promise((resolve) => (answer = resolve)),
  });
  await user.click(await screen.findByRole('button', { name: 'Add a note' }));
  await user.keyboard('about the first run');
  await user.click(screen.getByRole('button', { name: 'Stop' }));
  (await alive('Stop the run')).click();
  await waitFor(() => assert.equal(connection.payloads('stop_run').length, 1));
  const run = { ...tableRow('next-owl'), status: 'RUNNING' as const, end_time: null };
  await act(() => connection.push('live', running(0.5, 2, { run, can_stop: true })));
  assert.equal(screen.queryByRole('form'), null);
  await act(async () => answer({ stop: { by: 'ada', reason: '', time: 1 } }));
  assert.equal(screen.queryByText(/Asked to stop/), null);
  assert.ok(screen.getByRole('button', { name: 'Stop' }));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { act, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { ArtifactEntry, ArtifactReply, EditRunReply, RunPageReply } from '../../contract';
import { savedView } from '../../lab/saved_view';
import { INSERT_CELL } from '../../logic/notebook_event';
import { FakeConnection, refusal, runsReply } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { DEFAULT_VIEW } from '../panel_sections/metric_panels';
import { RunPage } from './run_page';

const page = (run_id: string, fields: Partial<RunPageReply> = {}): RunPageReply => ({
  run: tableRow(run_id),
  now: 1,
  is_deleted: false,
  artifact_uri: '/store/artifacts',
  tags: {},
  tag_count: 0,
  source: { name: '', type: '', commit: '', branch: '', repository: '', dirty: false },
  cell: null,
  error: null,
  reason: null,
  imported: null,
  parents: [],
  child_count: 0,
  param_count: 0,
  found_params: 0,
  metric_count: 0,
  panels: [],
  system: [],
  datasets: [],
  dataset_count: 0,
  python: '3.12.1',
  python_here: '3.12.1',
  packages: [],
  package_count: 0,
  differing_packages: 0,
  models: [],
  model_count: 0,
  changes: null,
  code_diff: [],
  ...fields,
});

const file = (path: string, fields: Partial<ArtifactEntry> = {}): ArtifactEntry => ({
  path,
  name: path.split('/').at(-1)!,
  is_dir: false,
  size: 12,
  ...fields,
});

const artifact = (path: string, fields: Partial<ArtifactReply>): ArtifactReply => ({
  path,
  kind: 'text',
  size: 12,
  modified: null,
  text: null,
  is_cut: false,
  data: null,
  table: null,
  model: null,
  series: null,
  code: `nbtrack.artifacts.download_artifacts(artifact_path='${path}')`,
  ...fields,
});

function shown(answers: FakeConnection['answers'], tab = 'Overview') {
  const connection = new FakeConnection({ run_page: ({ run_id }) => page(run_id), ...answers });
  const open = signal(tab);
  render(<RunPage connection={connection} run_id="calm-owl" tab={open} view={signal(DEFAULT_VIEW)} />);
  return { connection, open, user: userEvent.setup({ delay: null }) };
}

test('the tabs are reached by the arrow keys, and empty ones say so', async () => {
  const { open, user } = shown({ artifacts: () => ({ entries: [], count: 0 }), runs: () => runsReply([]) });
  (await screen.findByRole('tab', { name: 'Overview' })).focus();
  const cell = 'It was not kept. %%track keeps it.';
  for (const empty of ['None.', 'None.', 'No artifacts', cell, 'None.', 'None.', 'None.']) {
    await user.keyboard('{ArrowRight}');
    await screen.findByText(empty);
    assert.equal(document.activeElement?.getAttribute('aria-selected'), 'true');
  }
  await user.keyboard('{ArrowRight}');
  assert.equal(open.value, 'Overview');
  await user.keyboard('{ArrowLeft}');
  assert.equal(open.value, 'Models');
});

test('what a run says of itself stays text', async () => {
  const html = '<img src=x onerror=alert(1)>';
  shown({
    run_page: () =>
      page('calm-owl', {
        run: tableRow(html, { note: html, user_id: html }),
        error: html,
        tags: { [html]: html },
        is_deleted: true,
        code_diff: [`+${html}`],
        changes: {
          number: null,
          previous_run_id: 'p',
          previous_run_name: html,
          changes: [{ kind: 'param', key: html, old: null, new: html }],
          code_changed: true,
        },
      }),
  });
  await screen.findByText(/This run is deleted/);
  assert.ok(screen.getByText(/since the run before/));
  assert.ok(screen.getAllByText(html).length >= 6);
  assert.equal(document.querySelector('img'), null);
});

test('params are searched for in the kernel', async () => {
  const { connection, user } = shown(
    {
      run_page: ({ run_id, param_search }) => {
        const params: Record<string, string> = param_search ? { lr: '0.1' } : { lr: '0.1', width: '64' };
        return page(run_id, {
          run: tableRow(run_id, { params }),
          param_count: 2,
          found_params: Object.keys(params).length,
        });
      },
    },
    'Params',
  );
  await screen.findByText('2 of 2 params');
  await user.type(screen.getByRole('searchbox', { name: 'Search params' }), 'lr');
  await screen.findByText('1 of 2 params');
  assert.equal(connection.payloads('run_page').at(-1)?.param_search, 'lr');
  assert.equal(screen.queryByText('width'), null);
});

test('a folder is read when it is opened, in pages, and stays open when the store changes', async () => {
  const { connection, user, open } = shown(
    {
      artifacts: ({ path, offset }) =>
        path === ''
          ? { entries: [file('logs', { is_dir: true, size: null })], count: 1 }
          : { entries: [file(`logs/from ${offset}.txt`)], count: 201 },
      artifact: ({ path }) => artifact(path, path === 'logs' ? { kind: 'folder', size: null } : { text: '<b>log</b>' }),
    },
    'Artifacts',
  );
  const folder = await screen.findByRole('button', { name: /logs/ });
  assert.equal(folder.getAttribute('aria-expanded'), 'false');
  assert.equal(connection.payloads('artifacts').length, 1);
  await user.click(folder);
  await screen.findByText('1 to 200 of 201 files');
  await user.click(screen.getByRole('button', { name: 'Next files' }));
  await user.click(await screen.findByRole('button', { name: /from 200\.txt/ }));
  await screen.findByText('<b>log</b>');
  assert.equal(open.value, 'Artifacts/logs/from 200.txt');
  const focused = document.activeElement;
  await act(() => connection.change());
  await waitFor(() => assert.equal(connection.payloads('run_page').length, 2));
  assert.equal(document.activeElement, focused);
  assert.ok(screen.getByText('<b>log</b>'));
});

test('a folder that is open because of the artifact that is shown is folded by one click', async () => {
  const { user } = shown(
    {
      artifacts: ({ path }) =>
        path === ''
          ? { entries: [file('logs', { is_dir: true, size: null })], count: 1 }
          : { entries: [file('logs/a.txt')], count: 1 },
      artifact: ({ path }) => artifact(path, path === 'logs' ? { kind: 'folder', size: null } : { text: 'log' }),
    },
    'Artifacts/logs/a.txt',
  );
  await screen.findByRole('button', { name: /a\.txt/ });
  await user.click(screen.getByRole('button', { name: /logs/, expanded: true }));
  assert.ok(screen.getByRole('button', { name: /logs/, expanded: false }));
});

test('a page of HTML is shown in a frame without scripts that can load nothing', async () => {
  const text = '<script>alert("1&amp;2")</script>"></iframe>';
  shown(
    {
      artifacts: () => ({ entries: [file('report.html')], count: 1 }),
      artifact: ({ path }) => artifact(path, { kind: 'html', text }),
    },
    'Artifacts/report.html',
  );
  const frame = await waitFor(() => document.querySelector('iframe') ?? assert.fail());
  assert.equal(frame.getAttribute('sandbox'), '');
  const source = frame.getAttribute('srcdoc') ?? frame.srcdoc;
  assert.match(source, /^<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none';/);
  const [, inner = ''] = source.match(/srcdoc="([^"]*)"/) ?? [];
  const page = inner.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  assert.match(page, /^<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none';/);
  assert.ok(page.endsWith(text));
  assert.equal(document.querySelector('script'), null);
});

test('an image of a series has a slider of its steps', async () => {
  const images = [0, 10, 20].map((step) => ({ path: `images/${step}.png`, step, time: 0 }));
  const { open } = shown(
    {
      artifacts: () => ({ entries: [file('images/20.png', { name: 'left', size: null, steps: 3 })], count: 1 }),
      artifact: ({ path }) =>
        artifact(path, {
          kind: 'image',
          data: 'data:image/png;base64,AAAA',
          series: { key: 'left', images, count: 3 },
        }),
    },
    'Artifacts/images/20.png',
  );
  const slider = (await screen.findByRole('slider', { name: /Step 20/ })) as HTMLInputElement;
  assert.ok(screen.getByText('3 steps'));
  await act(() => {
    slider.value = '1';
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  });
  assert.equal(open.value, 'Artifacts/images/10.png');
  await screen.findByText(/Step 10/);
  assert.equal(document.querySelector('img')?.getAttribute('src'), 'data:image/png;base64,AAAA');
});

test('tables and models are shown, and what is binary or too large is not', async () => {
  const replies: Record<string, Partial<ArtifactReply>> = {
    't.json': {
      kind: 'table',
      table: { columns: ['q', 'a'], rows: [['2 + 2', null]], row_count: 300, column_count: 2 },
    },
    model: {
      kind: 'model',
      size: null,
      model: {
        flavors: ['sklearn'],
        created: '2026-11-29',
        inputs: ["'age': double (required)"],
        outputs: [],
        params: [],
        code: ["nbtrack.sklearn.load_model('runs:/x/model')"],
      },
    },
    'w.bin': { kind: 'binary' },
  };
  const { open, user, connection } = shown(
    {
      artifacts: () => ({ entries: Object.keys(replies).map((path) => file(path)), count: 3 }),
      artifact: ({ path, whole }) => artifact(path, whole ? { data: null } : replies[path]!),
    },
    'Artifacts/t.json',
  );
  await screen.findByText('1 of 300 rows, 2 of 2 columns');
  await act(() => {
    open.value = 'Artifacts/model';
  });
  await screen.findByText("'age': double (required)");
  assert.ok(screen.getByText("nbtrack.sklearn.load_model('runs:/x/model')"));
  await act(() => {
    open.value = 'Artifacts/w.bin';
  });
  await screen.findByText('It is binary or too large to be shown.');
  await user.click(screen.getByRole('button', { name: /Download/ }));
  await screen.findByText('It is too large. The code below copies it.');
  assert.deepEqual(connection.payloads('artifact').at(-1), { run_id: 'calm-owl', path: 'w.bin', whole: true });
});

test('the cell is inserted into the notebook, or copied where that is impossible', async () => {
  const cell = { source: 'lr = 0.1', is_cut: false, execution_count: '3' };
  const packages = [{ name: 'numpy', version: '1.0', here: null }];
  const { user } = shown(
    { run_page: ({ run_id }) => page(run_id, { cell, packages, package_count: 1, differing_packages: 1 }) },
    'Code',
  );
  await screen.findByText('not installed');
  let inserted: unknown;
  const notebook = (event: Event) => {
    inserted = (event as CustomEvent).detail;
    event.preventDefault();
  };
  document.addEventListener(INSERT_CELL, notebook);
  await user.click(screen.getByRole('button', { name: 'Insert below' }));
  document.removeEventListener(INSERT_CELL, notebook);
  await screen.findByText('Inserted below.');
  assert.equal(inserted, 'lr = 0.1');
  await user.click(screen.getByRole('button', { name: 'Insert below' }));
  await screen.findByText('Copied: paste it into a new cell.');
  assert.equal(await navigator.clipboard.readText(), 'lr = 0.1');
});

test('a nested run is opened in the place of its parent, and there is a way back', async () => {
  const { user, connection } = shown(
    {
      run_page: ({ run_id }) =>
        run_id === 'calm-owl'
          ? page(run_id, { child_count: 1 })
          : page(run_id, { parents: [{ run_id: 'calm-owl', run_name: 'calm-owl' }] }),
      runs: ({ filter }) =>
        runsReply(
          filter.includes('calm-owl') ? [tableRow('fold-1', { params: { fold: '1' }, metrics: { loss: 1 } })] : [],
        ),
    },
    'Children',
  );
  await user.click(await screen.findByRole('button', { name: 'fold-1' }));
  await screen.findByRole('button', { name: '← Back' });
  assert.equal(connection.payloads('runs')[0]?.filter, "tags.`mlflow.parentRunId` = 'calm-owl'");
  assert.ok(screen.getByRole('button', { name: 'calm-owl' }));
  await user.click(screen.getByRole('button', { name: '← Back' }));
  await screen.findByRole('button', { name: 'fold-1' });
  assert.equal(screen.queryByRole('button', { name: '← Back' }), null);
});

test('a name that is saved after another run was opened does not change the page of that run', async () => {
  let answer: (reply: EditRunReply) => void = () => undefined;
  const { user } = shown({
    run_page: ({ run_id }) =>
      page(run_id, { parents: run_id === 'sweep' ? [] : [{ run_id: 'sweep', run_name: 'sweep' }] }),
    edit_run: () => new Promise((resolve) => (answer = resolve)),
  });
  await user.click(await screen.findByRole('button', { name: 'Edit the name' }));
  await user.keyboard('new name{Enter}');
  await user.click(screen.getByRole('button', { name: 'sweep' }));
  await screen.findByRole('button', { name: '← Back' });
  await screen.findByTitle('sweep');
  await act(async () => answer({ name: 'new name', note: '', tags: {} }));
  assert.ok(screen.getByTitle('sweep'));
  assert.equal(screen.queryByText('new name'), null);
});

test('a run that could not be read is read again on demand', async () => {
  let failures = 1;
  const { user } = shown({
    run_page: ({ run_id }) => {
      if (failures-- > 0) {
        throw refusal('RESOURCE_DOES_NOT_EXIST', 'Run calm-owl does not exist.');
      }
      return page(run_id);
    },
  });
  await screen.findByText('Run calm-owl does not exist.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByRole('tab', { name: 'Overview' });
  await waitFor(() => assert.equal(screen.queryByText('Run calm-owl does not exist.'), null));
});

test('a saved page shows what was kept, and nothing that needs a kernel', async () => {
  const user = userEvent.setup({ delay: null });
  const run = page('calm-owl', { parents: [{ run_id: 'p', run_name: 'sweep' }], param_count: 1, found_params: 1 });
  run.run.params = { lr: '0.1' };
  const answers = {
    run_page: { payload: { run_id: 'calm-owl' }, reply: run, buffers: [] },
    artifacts: {
      payload: { run_id: 'calm-owl', path: '' },
      reply: { entries: [file('log.txt'), file('logs', { is_dir: true })], count: 203 },
      buffers: [],
    },
  };
  const options = { run_id: 'calm-owl', tab: 'Params' };
  render(savedView({ view: 'run_page', options, answers } as never));
  await screen.findByText('0.1');
  assert.equal(screen.queryByRole('searchbox'), null);
  assert.ok(screen.getByRole<HTMLButtonElement>('button', { name: 'sweep' }).disabled);
  await user.click(screen.getByRole('tab', { name: 'Artifacts' }));
  await screen.findByText('1 to 200 of 203 files');
  await user.click(screen.getByRole('button', { name: /log\.txt/ }));
  await screen.findByText(/This data was not saved with the notebook/);
});

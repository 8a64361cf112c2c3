import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { EventRow, Stage } from '../../contract';
import { alive } from '../../testing/confirm';
import { FakeConnection, refusal } from '../../testing/connection';
import { modelRow, previewOf, versionRow } from '../../testing/versions';
import { RegistryBoard } from './registry_board';

const event = (version: number, fields: Partial<EventRow> = {}): EventRow => ({
  timestamp: version,
  user_id: 'ada',
  version,
  kind: 'version_created',
  old: null,
  new: 'runs:/r/model',
  reason: null,
  ...fields,
});

/** A registry whose version 2 is in the stage of the last transition. */
function board(fields: Parameters<typeof modelRow>[1] = {}, answers: FakeConnection['answers'] = {}, live = true) {
  let stage: Stage = 'Staging';
  const versions = () => [versionRow(2, { stage, aliases: ['champion'] }), versionRow(1, { stage: 'Production' })];
  const connection = new FakeConnection({
    registry: () => ({ models: [modelRow(versions(), fields)] }),
    preview_transition: (request) =>
      previewOf(
        versions().find(({ version }) => version === request.version) ?? versions()[1]!,
        versions().filter(({ stage }) => stage === request.stage),
      ),
    transition: (request) => {
      stage = request.stage;
      return { version: versions()[0]! };
    },
    diff: () => ({
      run_ids: ['r'],
      run_names: ['calm-owl'],
      rows: [{ section: 'param', key: 'lr', values: ['0.1'], differs: false }],
    }),
    lineage: () => ({
      copied_from: null,
      parents: [],
      code: { commit: 'abcdef0123', dirty: 'true' },
      cell: 'train(<b>1</b>)',
      datasets: [],
      python: '3.11',
      requirements: [],
      dataset_count: 0,
      requirement_count: 0,
    }),
    ...answers,
  });
  connection.live = live;
  render(<RegistryBoard connection={connection} name={null} />);
  return { connection, user: userEvent.setup({ delay: null }) };
}

const column = (stage: Stage) => within(screen.getByRole('region', { name: `Stage ${stage}` }));

test('a version is moved on its card, and the board shows it in its new stage', async () => {
  const { connection, user } = board();
  await user.click(await screen.findByRole('button', { name: 'Move version 2 of digits' }));
  await user.click(await alive('Promote'));
  await screen.findByText('digits version 2 is now in Production.');
  await waitFor(() => assert.ok(column('Production').getByRole('article', { name: 'digits version 2' })));
  assert.equal(column('Staging').queryByRole('article'), null);
  assert.deepEqual(connection.payloads('transition')[0]?.expected_current, [1]);
});

test('the keyboard stays with a version while its form is opened, cancelled and sent', async () => {
  const { user } = board();
  const move = async () => {
    (await screen.findByRole('button', { name: 'Move version 2 of digits' })).focus();
    await user.keyboard('{Enter}');
    await waitFor(() => assert.equal(document.activeElement, screen.getByLabelText('Move to')));
  };
  await move();
  screen.getByRole('button', { name: 'Cancel' }).focus();
  await user.keyboard('{Enter}');
  const opener = () => document.activeElement?.getAttribute('aria-label') === 'Move version 2 of digits';
  await waitFor(() => assert.ok(opener()));
  await move();
  await user.keyboard('{Escape}');
  await waitFor(() => assert.ok(opener()));
  await move();
  await user.click(await alive('Promote'));
  const moved = await column('Production').findByRole('article', { name: 'digits version 2' });
  await waitFor(() => assert.equal(document.activeElement, moved));
});

test('a card opens to the run behind its version, and the code of that run stays text', async () => {
  const { user } = board();
  await user.click((await screen.findAllByRole('button', { name: /calm-owl/ }))[0]!);
  await screen.findByText('0.1');
  await screen.findByText('abcdef01 with uncommitted changes');
  assert.equal(screen.getByText('train(<b>1</b>)').tagName, 'PRE');
});

test('the history shows its newest events, and all of them on demand', async () => {
  const events = Array.from({ length: 10 }, (_, i) => event(10 - i));
  events[0] = event(10, { kind: 'stage', old: 'Staging', new: 'Production', reason: 'better recall' });
  const { user } = board({ events });
  const history = within(await screen.findByRole('region', { name: 'History' }));
  assert.equal(history.getAllByRole('listitem').length, 8);
  assert.match(
    history.getAllByRole('listitem')[0]!.textContent ?? '',
    /Version 10: Staging → Production “better recall”/,
  );
  await user.click(history.getByRole('button', { name: 'Show all 10' }));
  assert.equal(history.getAllByRole('listitem').length, 10);
});

test('the gates of a stage are shown in its column', async () => {
  board({ gates: [{ stage: 'Production', gate: 'accuracy', filter: 'metrics.acc > 0.9' }] });
  await screen.findByRole('region', { name: 'History' });
  assert.ok(column('Production').getByText('metrics.acc > 0.9'));
  assert.equal(column('Staging').queryByText('metrics.acc > 0.9'), null);
});

test('a registry that could not be read is read again on demand', async () => {
  let failures = 1;
  const { user } = board(
    {},
    {
      registry: () => {
        if (failures-- > 0) {
          throw refusal('TEMPORARILY_UNAVAILABLE', 'The database is locked.');
        }
        return { models: [modelRow([])] };
      },
    },
  );
  await screen.findByText('The database is locked.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('0 versions');
});

test('a saved registry moves nothing', async () => {
  board({}, {}, false);
  await screen.findByText('2 versions');
  assert.equal(screen.queryByRole('button', { name: /^Move/ }), null);
  assert.equal(screen.queryByRole('button', { name: 'Refresh' }), null);
});

const numbers = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => from - i);

test('a stage says how many versions it has, and loads more of them with the keyboard', async () => {
  const { connection, user } = board(
    {},
    {
      registry: () => ({
        models: [
          modelRow(
            numbers(1204, 1185).map((n) => versionRow(n)),
            { stages: { None: 1204 } },
          ),
        ],
      }),
      versions: ({ offset }) => ({
        versions: numbers(1204 - offset!, 1155 - offset!).map((n) => versionRow(n)),
        count: 1204,
      }),
    },
  );
  await screen.findByText('1,204 versions');
  assert.ok(column('None').getByText('20 of 1,204 versions'));
  column('None').getByRole('button', { name: 'Show more versions in None' }).focus();
  await user.keyboard('{Enter}');
  await column('None').findByText('70 of 1,204 versions');
  assert.equal(column('None').getAllByRole('article').length, 70);
  assert.equal(document.activeElement?.getAttribute('aria-label'), 'digits version 1184');
  assert.deepEqual(connection.payloads('versions'), [{ name: 'digits', stage: 'None', offset: 20, limit: 50 }]);
});

test('models come in pages', async () => {
  const named = (from: number, to: number) => numbers(to, from).map((n) => modelRow([], { name: `model ${n}` }));
  const { connection, user } = board(
    {},
    { registry: ({ offset }) => ({ models: offset === 0 ? named(1, 50) : named(51, 60), count: 60 }) },
  );
  await screen.findByText('50 of 60 models');
  await user.click(screen.getByRole('button', { name: 'Show more models' }));
  await waitFor(() => assert.equal(screen.queryByText(/of 60 models/), null));
  const models = within(screen.getByRole('group', { name: 'Registered models' }));
  assert.equal(models.getAllByRole('button').length, 60);
  await waitFor(() => assert.ok(document.activeElement === models.getAllByRole('button')[50]));
  assert.deepEqual(
    connection.payloads('registry').map(({ offset, limit }) => [offset, limit]),
    [
      [0, 50],
      [50, 50],
    ],
  );
});

test('of very many models those with a part of the name are found', async () => {
  const names = ['churn', 'churn-eu', ...Array.from({ length: 58 }, (_, i) => `model ${i}`)];
  const { connection, user } = board(
    {},
    {
      registry: ({ search = '', offset = 0 }) => {
        const found = names.filter((name) => name.includes(search));
        const page = found.slice(offset, offset + 50).map((name) => modelRow([], { name }));
        return { models: page, count: found.length };
      },
    },
  );
  await screen.findByText('50 of 60 models');
  const field = screen.getByRole('searchbox', { name: 'Search models by name' });
  await user.type(field, 'churn');
  await screen.findByText('2 models');
  const buttons = within(screen.getByRole('group', { name: 'Registered models' })).getAllByRole('button');
  assert.deepEqual(
    buttons.map((button) => button.textContent),
    ['churn', 'churn-eu'],
  );
  // One request after a pause in typing, not one for each letter.
  assert.deepEqual(
    connection.payloads('registry').map(({ search }) => search),
    [undefined, 'churn'],
  );
  await user.click(screen.getByRole('button', { name: 'Refresh' }));
  await waitFor(() => assert.equal(connection.payloads('registry').at(-1)?.search, 'churn'));
  await user.type(field, ' <b>{Enter}');
  await screen.findByText('No model has “churn <b>” in its name.');
  assert.equal(screen.queryByRole('region', { name: 'History' }), null);
  assert.ok(document.activeElement === field);
  await user.keyboard('{Escape}');
  await screen.findByText('50 of 60 models');
});

test('a registry whose models are all in sight has no search', async () => {
  board();
  await screen.findByText('2 versions');
  assert.equal(screen.queryByRole('searchbox', { name: 'Search models by name' }), null);
});

test('versions are filtered, and an invalid filter leaves what is shown', async () => {
  const all = [versionRow(3, { stage: 'Staging' }), versionRow(2), versionRow(1)];
  const { connection, user } = board(
    {},
    {
      registry: ({ filter = '' }) => {
        if (filter.endsWith('>')) {
          throw refusal('INVALID_PARAMETER_VALUE', 'A number is missing (at character 13).');
        }
        const stages: Record<string, number> = filter ? { None: 2 } : { Staging: 1, None: 2 };
        return { models: [modelRow(filter ? all.slice(1) : all, { stages })] };
      },
    },
  );
  await screen.findByText('3 versions');
  const field = screen.getByRole('searchbox', { name: 'Filter versions' });
  await user.type(field, 'metrics.acc >{Enter}');
  await screen.findByText('A number is missing (at character 13).');
  assert.ok(screen.getByText('3 versions'));
  await user.type(field, ' 0.8{Enter}');
  await screen.findByText('2 versions that match');
  assert.equal(screen.queryByText(/is missing/), null);
  const filters = () => connection.payloads('registry').map(({ filter }) => filter);
  assert.equal(filters().at(-1), 'metrics.acc > 0.8');
  await act(() => connection.change());
  assert.equal(filters().at(-1), 'metrics.acc > 0.8');
  await user.type(field, '{Escape}');
  await screen.findByText('3 versions');
  assert.equal(filters().at(-1), undefined);
});

test('a rollback begins in the column of its stage, and the restored version gets the focus', async () => {
  const { connection, user } = board(
    {},
    {
      preview_transition: () => previewOf(versionRow(2), [versionRow(1)], { leaving: 1 }),
      rollback: () => ({ version: versionRow(2, { stage: 'Production' }) }),
    },
  );
  await screen.findByText('2 versions');
  assert.equal(column('None').queryByRole('button', { name: /^Roll back/ }), null);
  await user.click(column('Production').getByRole('button', { name: 'Roll back Production' }));
  await screen.findByText('Restores version 2 and moves version 1 to Archived.');
  await user.click(await alive('Roll back'));
  await screen.findByText('digits version 2 is now in Production.');
  assert.equal(connection.payloads('rollback')[0]?.expected_restored, 2);
  await waitFor(() => assert.equal(document.activeElement?.getAttribute('aria-label'), 'digits version 2'));
});

test('a form that is opened while the board is read again keeps the focus', async () => {
  let release = () => {};
  const { connection, user } = board({}, { rollback: () => ({ version: versionRow(2, { stage: 'Production' }) }) });
  await user.click(await screen.findByRole('button', { name: 'Roll back Production' }));
  const registry = connection.answers.registry!;
  connection.answers.registry = async (payload) => {
    await new Promise<void>((resolve) => (release = resolve));
    return registry(payload) as never;
  };
  await user.click(await alive('Roll back'));
  await screen.findByText('digits version 2 is now in Production.');
  await user.click(screen.getByRole('button', { name: 'Move version 2 of digits' }));
  const field = screen.getByLabelText('Move to');
  await waitFor(() => assert.ok(document.activeElement === field));
  release();
  await act(() => new Promise((resolve) => setTimeout(resolve, 50)));
  assert.ok(document.activeElement === field);
});

test('a version is deleted with a reason, unless it is in Production', async () => {
  const { connection, user } = board({}, { delete_version: ({ version }) => ({ version: versionRow(version) }) });
  const open = async (version: number) => {
    const card = within(await screen.findByRole('article', { name: `digits version ${version}` }));
    await user.click(card.getByRole('button', { name: /calm-owl/ }));
    await user.click(card.getByRole('button', { name: `Delete version ${version} of digits` }));
  };
  await open(1);
  await screen.findByText('Version 1 is in Production. Move it to another stage before you delete it.');
  await user.keyboard('{Escape}');
  await waitFor(() => assert.equal(document.activeElement?.getAttribute('aria-label'), 'Delete version 1 of digits'));
  await open(2);
  await screen.findByText(
    'Deletes version 2 from Staging. @champion will name no version. Its run and its files are kept.',
  );
  await user.type(screen.getByLabelText('Reason'), 'trained on test data');
  await user.click(await alive('Delete'));
  await screen.findByText('digits version 2 was deleted.');
  assert.deepEqual(connection.payloads('delete_version'), [
    { name: 'digits', version: 2, reason: 'trained on test data', expected_stage: 'Staging' },
  ]);
});

test('aliases and tags are changed on the card, with what it showed, and a refusal is shown', async () => {
  let refused = false;
  const change = () => {
    if (refused) {
      throw refusal('RESOURCE_CONFLICT', 'It is now something else.');
    }
    return { version: versionRow(2) };
  };
  const { connection, user } = board(
    { aliases: { champion: 2, old: 1 } },
    { set_alias: change, set_version_tag: change },
  );
  const card = within(await screen.findByRole('article', { name: 'digits version 2' }));
  await user.click(card.getByRole('button', { name: /calm-owl/ }));
  const add = await card.findByRole('button', { name: 'Add an alias' });
  await user.click(add);
  await user.keyboard('@old');
  assert.ok(card.getByText('@old moves from version 1 to version 2.'));
  await user.keyboard('{Enter}');
  await waitFor(() => assert.ok(document.activeElement === add));
  refused = true;
  await user.click(card.getByRole('button', { name: 'Delete the alias champion' }));
  await card.findByText('It is now something else.');
  await user.click(card.getByRole('button', { name: 'Add a tag' }));
  await user.keyboard('reviewed{Tab}yes{Enter}');
  await waitFor(() => assert.equal(card.getAllByText('It is now something else.').length, 2));
  assert.deepEqual(connection.payloads('set_alias'), [
    { name: 'digits', alias: 'old', version: 2, expected_version: 1 },
    { name: 'digits', alias: 'champion', version: null, expected_version: 2 },
  ]);
  assert.deepEqual(connection.payloads('set_version_tag'), [
    { name: 'digits', version: 2, key: 'reviewed', value: 'yes', expected_value: null },
  ]);
});

test('the history is exported as a table with every event', async () => {
  const events = numbers(3, 1).map((n) => event(n, { reason: n === 3 ? 'a, "b" c' : null }));
  const { user } = board(
    { events: events.slice(0, 1), event_count: 3 },
    { events: ({ offset = 0 }) => ({ events: events.slice(offset, offset + 2), count: 3 }) },
  );
  await user.click(await screen.findByRole('button', { name: 'Copy as CSV' }));
  await screen.findByText('Copied 3 events.');
  const lines = (await navigator.clipboard.readText()).split('\r\n');
  assert.equal(lines[0], 'timestamp,user_id,model,version,kind,old,new,reason');
  assert.equal(lines[1], '1970-01-01T00:00:00.003Z,ada,digits,3,version_created,,runs:/r/model,"a, ""b"" c"');
  assert.equal(lines.length, 5);
});

test('more events are loaded behind those that came with the model', async () => {
  const events = numbers(20, 1).map((n) => event(n + 100));
  const { connection, user } = board(
    { events, event_count: 25 },
    { events: () => ({ events: numbers(25, 21).map((n) => event(n)), count: 25 }) },
  );
  const history = within(await screen.findByRole('region', { name: 'History' }));
  await user.click(history.getByRole('button', { name: 'Show the last 20' }));
  assert.ok(history.getByText('20 of 25 events'));
  history.getByRole('button', { name: 'Show more events' }).focus();
  await user.keyboard('{Enter}');
  await waitFor(() => assert.equal(history.getAllByRole('listitem').length, 25));
  assert.deepEqual(connection.payloads('events'), [{ name: 'digits', offset: 20, limit: 50 }]);
  assert.ok(history.getByRole('button', { name: 'Show less' }));
  await waitFor(() => assert.equal(document.activeElement, history.getAllByRole('listitem')[20]));
});

test('an event of the same millisecond as the last one of the page before is another event', async () => {
  const { user } = board(
    { events: numbers(20, 1).map((n) => event(n + 100)), event_count: 22 },
    { events: () => ({ events: [event(101), event(1, { timestamp: 101 })], count: 22 }) },
  );
  const history = within(await screen.findByRole('region', { name: 'History' }));
  await user.click(history.getByRole('button', { name: 'Show the last 20' }));
  await user.click(history.getByRole('button', { name: 'Show more events' }));
  await waitFor(() => assert.equal(history.getAllByRole('listitem').length, 21));
});

test('a saved page of models says how many there were', async () => {
  const { connection } = board({}, { registry: () => ({ models: [modelRow([versionRow(1)])], count: 1000 }) }, false);
  await screen.findByText('1 of 1,000 models');
  assert.equal(screen.queryByRole('button', { name: 'Show more models' }), null);
  assert.ok(connection.payloads('registry').length <= 2);
});

test('a notebook saved before there were pages shows all that it has', async () => {
  board({ events: [event(2), event(1)] }, {}, false);
  await screen.findByText('2 versions');
  assert.ok(column('Staging').getByText('1'));
  assert.equal(screen.queryByText(/ of /), null);
  assert.equal(screen.queryByRole('button', { name: /^Show more/ }), null);
});

test('a promotion made elsewhere is shown', async () => {
  let versions = [versionRow(1, { stage: 'None' })];
  const { connection } = board({}, { registry: () => ({ models: [modelRow(versions)] }) });
  await waitFor(() => assert.ok(column('None').getByText('Version', { exact: false })));
  versions = [versionRow(1, { stage: 'Production' })];
  await act(() => connection.change());
  await waitFor(() => assert.ok(column('Production').getByText('Version', { exact: false })));
});

test('an event at an impossible time is shown and exported', async () => {
  const { user } = board({ events: [event(1, { timestamp: 9e15 })] }, {}, false);
  await screen.findByText(/Version 1 registered/);
  await user.click(screen.getByRole('button', { name: 'Copy as CSV' }));
  await screen.findByText('Copied 1 event.');
  assert.match(await navigator.clipboard.readText(), /\n9000000000000000,ada/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { EventRow, Stage } from '../../contract';
import { FakeConnection, refusal } from '../../testing/connection';
import { modelRow, versionRow } from '../../testing/versions';
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

/** A registry whose version 2 is where the last transition moved it. */
function board(fields: Parameters<typeof modelRow>[1] = {}, answers: FakeConnection['answers'] = {}, live = true) {
  let stage: Stage = 'Staging';
  const versions = () => [versionRow(2, { stage, aliases: ['champion'] }), versionRow(1, { stage: 'Production' })];
  const connection = new FakeConnection({
    registry: () => ({ models: [modelRow(versions(), fields)] }),
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
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  await screen.findByText('digits version 2 is now in Production.');
  await waitFor(() => assert.ok(column('Production').getByRole('article', { name: 'digits version 2' })));
  assert.equal(column('Staging').queryByRole('article'), null);
  assert.deepEqual(connection.payloads('transition')[0]?.expected_current, [1]);
});

test('a card opens to the run behind its version, and the code of that run stays text', async () => {
  const { user } = board();
  await user.click((await screen.findAllByRole('button', { name: /calm-owl/ }))[0]!);
  await screen.findByText('0.1');
  await screen.findByText('abcdef01 and changes');
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

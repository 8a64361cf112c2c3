import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { VersionRow } from '../../contract';
import { alive, keepDead } from '../../testing/confirm';
import { FakeConnection, refusal } from '../../testing/connection';
import { previewOf, versionRow } from '../../testing/versions';
import { RollbackForm, TransitionForm } from './transition_form';

const staged = versionRow(2, { stage: 'Staging' });
const production = () => versionRow(1, { stage: 'Production', metrics: { acc: 0.8 } });

function form(transition: FakeConnection['answers']['transition'], answers: FakeConnection['answers'] = {}) {
  const connection = new FakeConnection({
    preview_transition: ({ stage }) => previewOf(staged, stage === 'Production' ? [production()] : []),
    transition,
    ...answers,
  });
  const done: VersionRow[] = [];
  let cancelled = 0;
  render(
    <TransitionForm
      connection={connection}
      version={staged}
      done={(version) => done.push(version)}
      cancel={() => (cancelled += 1)}
    />,
  );
  return { connection, done, cancelled: () => cancelled, user: userEvent.setup({ delay: null }) };
}

test('a promotion sends its reason and what the screen showed, and archives the version that it replaces', async () => {
  const { connection, done, user } = form(({ stage }) => ({ version: { ...staged, stage } }));
  await user.type(screen.getByLabelText('Reason'), 'better recall ');
  await user.click(await alive('Promote'));
  await waitFor(() => assert.equal(done[0]?.stage, 'Production'));
  assert.deepEqual(connection.payloads('transition'), [
    {
      name: 'digits',
      version: 2,
      stage: 'Production',
      archive_existing_versions: true,
      reason: 'better recall',
      expected_stage: 'Staging',
      expected_current: [1],
      override_gates: false,
    },
  ]);
});

test('a stage that holds any number of versions replaces none', async () => {
  const { connection, user } = form(({ stage }) => ({ version: { ...staged, stage } }));
  await user.selectOptions(screen.getByLabelText('Move to'), 'Archived');
  assert.equal(screen.queryByLabelText(/^Archive the previous/), null);
  await user.click(await alive('Move'));
  await waitFor(() => assert.equal(connection.payloads('transition').length, 1));
  const [{ archive_existing_versions, expected_current }] = connection.payloads('transition') as [never];
  assert.deepEqual([archive_existing_versions, expected_current], [false, null]);
});

test('gates are shown with the values of the run, and one that is not passed can be overridden with a reason', async () => {
  const gate = { gate: 'accurate', filter: 'metrics.acc > 0.95', passed: false, values: 'metrics.acc = 0.9' };
  const { connection, done, user } = form(({ stage }) => ({ version: { ...staged, stage } }), {
    preview_transition: () =>
      previewOf(staged, [production()], { gates: [gate, { ...gate, gate: 'fast', passed: true }] }),
  });
  const gates = within(await screen.findByRole('list', { name: 'Gates' })).getAllByRole('listitem');
  assert.deepEqual(
    gates.map(({ textContent }) => textContent),
    ['✗ not passed metrics.acc > 0.95 metrics.acc = 0.9', '✓ passed metrics.acc > 0.95 metrics.acc = 0.9'],
  );
  assert.ok(screen.getByText('Version 2 does not pass the gate “accurate”.'));
  await new Promise((resolve) => setTimeout(resolve, 600));
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  await user.click(screen.getByLabelText('Override the gate'));
  const reason = screen.getByLabelText<HTMLInputElement>('Reason');
  assert.ok(reason.required);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  assert.deepEqual(connection.payloads('transition'), []);
  await user.type(reason, 'urgent fix');
  await alive('Promote');
  await user.keyboard('{Enter}');
  await waitFor(() => assert.equal(done.length, 1));
  assert.equal(connection.payloads('transition')[0]?.override_gates, true);
});

test('an error is shown, and the form can be sent again', async () => {
  const { done, user } = form(() => {
    throw refusal('TEMPORARILY_UNAVAILABLE', 'The database is locked.');
  });
  await user.click(await alive('Promote'));
  await screen.findByText('The database is locked.');
  const promote = screen.getByRole('button', { name: 'Promote' });
  await waitFor(() => assert.equal(promote.getAttribute('aria-disabled'), 'false'));
  assert.equal(document.activeElement, promote, 'a disabled button would have lost the focus');
  assert.equal(done.length, 0);
});

test('a form that is being sent is not sent again', async () => {
  const { connection, user } = form(() => new Promise(() => undefined));
  await user.click(await alive('Promote'));
  await user.type(screen.getByLabelText('Reason'), '{Enter}');
  assert.equal(connection.payloads('transition').length, 1);
});

test('a form does nothing in its first half second, so that a double click on what was there before it is harmless', async (context) => {
  const revive = keepDead(context);
  const { connection, done, user } = form(({ stage }) => ({ version: { ...staged, stage } }));
  await screen.findByText('Replaces version 1, which moves to Archived.');
  await user.dblClick(screen.getByRole('button', { name: 'Promote' }));
  await user.type(screen.getByLabelText('Reason'), '{Enter}');
  assert.deepEqual(connection.payloads('transition'), []);
  await revive();
  await user.dblClick(await alive('Promote'));
  await waitFor(() => assert.equal(done.length, 1));
  assert.equal(connection.payloads('transition').length, 1);
});

test('the candidate stands beside the version that it replaces, metric by metric, and the form says which that is', async () => {
  const candidate = { ...staged, metrics: { acc: 0.9, loss: 0.4 } };
  const { connection, user } = form(({ stage }) => ({ version: { ...staged, stage } }), {
    preview_transition: ({ stage }) =>
      stage === 'Production'
        ? previewOf(candidate, [{ ...production(), metrics: { acc: 0.8, loss: 0.3 } }], {
            lower_is_better: ['loss'],
            differences: [
              { part: 'inputs', same: 3, only: [['<b>width</b>: double'], []], counts: [5, 0] },
              { part: 'outputs', same: 1, only: [[], null], counts: [0, 0] },
              { part: 'data', same: 0, only: [[], ['training: digits (abc)']], counts: [0, 1] },
            ],
          })
        : previewOf(candidate, []),
  });
  const table = within(await screen.findByRole('table'));
  const texts = (role: string) => table.getAllByRole(role).map((cell) => cell.textContent);
  assert.deepEqual(texts('columnheader'), ['Version 2 candidate', 'Version 1 Production']);
  assert.deepEqual(texts('row').slice(1), [
    'acc0.9000▲+0.10000.8000',
    'loss0.4000▼+0.10000.3000',
    'Inputs≠ <b>width</b>: doubleand 4 more= 3 the same= 3 the same',
    'Outputs= 1 the sameno signature',
    'Datanone≠ training: digits (abc)',
  ]);
  await alive('Promote');
  await user.click(screen.getByLabelText('Archive the previous Production'));
  assert.ok(screen.getByText('Keeps version 1 in Production.'));
  assert.equal(screen.getByRole('button', { name: 'Promote' }).getAttribute('aria-disabled'), 'true');
  await user.selectOptions(screen.getByLabelText('Move to'), 'None');
  await screen.findByText('Leaves Staging and replaces no version.');
  assert.equal(screen.queryByRole('table'), null);
  assert.equal(connection.payloads('transition').length, 0);
});

test('a rollback says which version it restores, and sends that and what it showed in the stage', async () => {
  const connection = new FakeConnection({
    preview_transition: () => previewOf(versionRow(1, { stage: 'Archived' }), [versionRow(2)], { leaving: 2 }),
    rollback: () => ({ version: production() }),
  });
  const done: VersionRow[] = [];
  render(
    <RollbackForm connection={connection} name="digits" stage="Production" done={(version) => done.push(version)} />,
  );
  await screen.findByText('Restores version 1 and moves version 2 to Archived.');
  const user = userEvent.setup({ delay: null });
  await user.type(screen.getByLabelText('Reason'), '30 ms slower');
  await user.dblClick(await alive('Roll back'));
  await waitFor(() => assert.equal(done.length, 1));
  assert.deepEqual(connection.payloads('preview_transition'), [{ name: 'digits', version: null, stage: 'Production' }]);
  assert.deepEqual(connection.payloads('rollback'), [
    {
      name: 'digits',
      stage: 'Production',
      reason: '30 ms slower',
      expected_current: [2],
      expected_restored: 1,
      override_gates: false,
    },
  ]);
});

test('a stage that cannot be rolled back says why, and sends nothing', async () => {
  const connection = new FakeConnection({
    preview_transition: () => {
      throw refusal('INVALID_STATE', 'Stage Production cannot be rolled back.');
    },
  });
  render(<RollbackForm connection={connection} name="digits" stage="Production" done={() => undefined} />);
  await screen.findByText('Stage Production cannot be rolled back.');
  await new Promise((resolve) => setTimeout(resolve, 600));
  await userEvent.setup({ delay: null }).click(screen.getByRole('button', { name: 'Roll back' }));
  assert.equal(connection.asked.length, 1);
});

test('after a refusal, because others are in the stage by now, the form shows these and sends them next time', async () => {
  let there = production();
  const { connection, user } = form(
    ({ expected_current }) => {
      if (expected_current?.[0] !== 3) {
        there = versionRow(3, { stage: 'Production' });
        throw refusal('CONFLICT', 'Stage Production now has version 3, but version 1 was expected.');
      }
      return { version: { ...staged, stage: 'Production' } };
    },
    { preview_transition: () => previewOf(staged, [there]) },
  );
  await user.click(await alive('Promote'));
  await screen.findByText('Stage Production now has version 3, but version 1 was expected.');
  await screen.findByText('Replaces version 3, which moves to Archived.');
  await user.click(await alive('Promote'));
  await waitFor(() => assert.deepEqual(connection.payloads('transition').at(-1)?.expected_current, [3]));
});

test('a form that cannot say what it replaces sends nothing', async () => {
  let failures = 1;
  const { connection, user } = form(({ stage }) => ({ version: { ...staged, stage } }), {
    preview_transition: () => {
      if (failures-- > 0) {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The database is locked.');
      }
      return previewOf(staged, [production()]);
    },
  });
  await screen.findByText('The database is locked.');
  await new Promise((resolve) => setTimeout(resolve, 600));
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  assert.equal(connection.payloads('transition').length, 0);
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await user.click(await alive('Promote'));
  await waitFor(() => assert.equal(connection.payloads('transition').length, 1));
});

test('of more versions than one request returns, the form says how many there are', async () => {
  const { connection, user } = form(({ stage }) => ({ version: { ...staged, stage } }), {
    preview_transition: () => previewOf(staged, [production()], { current: null, count: 600 }),
  });
  await screen.findByText('Replaces 600 versions, which move to Archived.');
  await user.click(await alive('Promote'));
  await waitFor(() => assert.equal(connection.payloads('transition')[0]?.expected_current, null));
});

test('Escape cancels a form', async () => {
  const { cancelled, user } = form(() => new Promise(() => undefined));
  await user.type(screen.getByLabelText('Reason'), '{Escape}');
  assert.equal(cancelled(), 1);
});

test('an error of a stage that is not chosen any more is not shown', async () => {
  let fail = () => {};
  const { user } = form(undefined, {
    preview_transition: ({ stage }) =>
      stage === 'Production'
        ? new Promise((_, reject) => (fail = () => reject(refusal('INTERNAL_ERROR', 'Production cannot be read.'))))
        : previewOf(staged, []),
  });
  await user.selectOptions(screen.getByLabelText('Move to'), 'Archived');
  await screen.findByText('Leaves Staging and replaces no version.');
  await act(async () => fail());
  assert.equal(screen.queryByText('Production cannot be read.'), null);
});

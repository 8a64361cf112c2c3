import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { VersionRow } from '../../contract';
import { FakeConnection, refusal } from '../../testing/connection';
import { versionRow } from '../../testing/versions';
import { TransitionForm } from './transition_form';

const staged = versionRow(2, { stage: 'Staging' });

function form(transition: FakeConnection['answers']['transition']) {
  const connection = new FakeConnection({ transition });
  const done: VersionRow[] = [];
  const versions = [staged, versionRow(1, { stage: 'Production' })];
  render(
    <TransitionForm
      connection={connection}
      version={staged}
      versions={versions}
      done={(version) => done.push(version)}
    />,
  );
  return { connection, done, user: userEvent.setup({ delay: null }) };
}

test('a promotion sends its reason and what the screen showed, and archives the version that it replaces', async () => {
  const { connection, done, user } = form(({ stage }) => ({ version: { ...staged, stage } }));
  await user.type(screen.getByLabelText('Reason'), 'better recall ');
  await user.click(screen.getByRole('button', { name: 'Promote' }));
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
  await user.click(screen.getByRole('button', { name: 'Move' }));
  await waitFor(() => assert.equal(connection.payloads('transition').length, 1));
  const [{ archive_existing_versions, expected_current }] = connection.payloads('transition') as [never];
  assert.deepEqual([archive_existing_versions, expected_current], [false, null]);
});

test('a gate that refuses the version can be overridden, with a reason', async () => {
  const { connection, done, user } = form(({ stage, override_gates }) => {
    if (!override_gates) {
      throw refusal('INVALID_STATE', 'The gate metrics.acc > 0.95 is not met.');
    }
    return { version: { ...staged, stage } };
  });
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  await screen.findByText('The gate metrics.acc > 0.95 is not met.');
  await user.click(screen.getByLabelText('Override the gate'));
  const reason = screen.getByLabelText<HTMLInputElement>('Reason');
  assert.ok(reason.required);
  await user.type(reason, 'urgent fix{Enter}');
  await waitFor(() => assert.equal(done.length, 1));
  assert.equal(connection.payloads('transition').at(-1)?.override_gates, true);
});

test('an error is shown, and the form can be sent again', async () => {
  const { done, user } = form(() => {
    throw refusal('TEMPORARILY_UNAVAILABLE', 'The database is locked.');
  });
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  await screen.findByText('The database is locked.');
  assert.equal(screen.queryByLabelText('Override the gate'), null);
  const promote = screen.getByRole('button', { name: 'Promote' });
  await waitFor(() => assert.equal(promote.getAttribute('aria-disabled'), 'false'));
  assert.equal(document.activeElement, promote, 'a disabled button would have lost the focus');
  assert.equal(done.length, 0);
});

test('a form that is being sent is not sent again', async () => {
  const { connection, user } = form(() => new Promise(() => undefined));
  await user.click(screen.getByRole('button', { name: 'Promote' }));
  await user.type(screen.getByLabelText('Reason'), '{Enter}');
  assert.equal(connection.payloads('transition').length, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { alive, keepDead } from '../../testing/confirm';
import { FakeConnection, refusal } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { modelRow, previewOf, versionRow } from '../../testing/versions';
import { RegisterForm } from './register_form';

function form(answers: FakeConnection['answers'], models = ['model']) {
  const connection = new FakeConnection({
    registry: () => ({ models: [] }),
    preview_transition: () => previewOf(versionRow(1), []),
    register: ({ name }) => ({ version: versionRow(1, { name }) }),
    transition: ({ name, stage }) => ({ version: versionRow(1, { name, stage }) }),
    ...answers,
  });
  let closed = 0;
  render(<RegisterForm connection={connection} run={tableRow('r', { models })} close={() => (closed += 1)} />);
  return { connection, closed: () => closed, user: userEvent.setup({ delay: null }) };
}

test('a model is registered under a name, and then promoted', async () => {
  const { connection, user } = form({});
  const name = screen.getByLabelText('Name');
  assert.ok(document.activeElement === name, 'The name is typed without a click.');
  await user.type(name, ' {Enter}');
  assert.deepEqual(connection.payloads('register'), [], 'A name is missing.');
  await user.type(name, 'digits ');
  await alive('Register');
  await user.type(name, '{Enter}');
  await screen.findByText(/Registered as/);
  assert.deepEqual(connection.payloads('register'), [{ run_id: 'r', artifact_path: 'model', name: 'digits' }]);
  await user.click(await alive('Promote'));
  await waitFor(() => assert.match(screen.getByRole('status').textContent ?? '', /digits version 1 is now in Staging/));
  assert.ok(document.activeElement === screen.getByRole('status'));
  assert.equal(screen.queryByRole('button', { name: 'Promote' }), null);
  await user.click(screen.getByRole('button', { name: 'Move…' }));
  await user.click(await alive('Promote'));
  await waitFor(() => assert.equal(connection.payloads('transition').at(-1)?.stage, 'Production'));
});

test('of several models of a run one is chosen', async () => {
  const { connection, user } = form({}, ['first', 'second']);
  await user.selectOptions(screen.getByLabelText('Model'), 'second');
  await user.type(screen.getByLabelText('Name'), 'digits');
  await user.click(await alive('Register'));
  await waitFor(() => assert.equal(connection.payloads('register')[0]?.artifact_path, 'second'));
});

test('a model that is a version already is not registered again under the same name', async () => {
  const of_run = [
    versionRow(1, { source: 'runs:/r/other' }),
    versionRow(3, { source: 'runs:/r/model', stage: 'Production' }),
    versionRow(4, { source: 'runs:/r/model', name: 'letters', stage: 'None' }),
  ];
  const { connection, user } = form({ registry: () => ({ models: [modelRow([])], of_run }) }, ['model', 'second']);
  await screen.findByText('This model is already version 3 of digits, in Production.');
  assert.equal(connection.payloads('registry')[0]?.run_id, 'r');
  const name = screen.getByLabelText('Name');
  await new Promise((resolve) => setTimeout(resolve, 600));
  await user.type(name, '{Enter}');
  assert.deepEqual(connection.payloads('register'), []);
  await user.clear(name);
  await user.type(name, 'letters');
  await screen.findByText('This model is already version 4 of letters.');
  await user.selectOptions(screen.getByLabelText('Model'), 'second');
  await screen.findByText('Becomes a new version and replaces none.');
  await user.click(await alive('Register'));
  await waitFor(() => assert.equal(connection.payloads('register')[0]?.artifact_path, 'second'));
});

test('the only registered model is proposed', async () => {
  form({ registry: () => ({ models: [modelRow([])] }) });
  await waitFor(() => assert.equal(screen.getByLabelText<HTMLInputElement>('Name').value, 'digits'));
});

test('an error is shown under the form, which keeps the name', async () => {
  const { user } = form({
    register: () => {
      throw refusal('INVALID_PARAMETER_VALUE', 'The name must not contain a slash.');
    },
  });
  await user.type(screen.getByLabelText('Name'), 'a/b');
  await user.click(await alive('Register'));
  await screen.findByText('The name must not contain a slash.');
  assert.equal(screen.getByLabelText<HTMLInputElement>('Name').value, 'a/b');
});

test('the focus goes back to the button that opened the form', async () => {
  render(<button type="button">Register…</button>);
  const opener = screen.getByRole('button', { name: 'Register…' });
  opener.focus();
  const opened = render(
    <RegisterForm connection={new FakeConnection()} run={tableRow('r', { models: ['model'] })} close={() => {}} />,
  );
  assert.equal(document.activeElement, screen.getByLabelText('Name'));
  opened.unmount();
  await waitFor(() => assert.ok(document.activeElement === opener));
});

test('Escape closes the form', async () => {
  const { closed, user } = form({});
  await user.type(screen.getByLabelText('Name'), '{Escape}');
  assert.equal(closed(), 1);
});

test('double clicks register one version and promote it once', async (context) => {
  const { connection, user } = form({});
  await user.type(screen.getByLabelText('Name'), 'digits');
  const register = await alive('Register');
  const revive = keepDead(context);
  await user.dblClick(register);
  await screen.findByText(/Registered as/);
  await screen.findByText('Replaces no version.');
  await user.dblClick(screen.getByRole('button', { name: 'Promote' }));
  assert.equal(connection.payloads('transition').length, 0);
  await revive();
  await user.dblClick(await alive('Promote'));
  await screen.findByText(/is now in/);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(connection.payloads('register').length, 1);
  assert.equal(connection.payloads('transition').length, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { ViewState } from '../../contract';
import { defaultView } from '../../state/view';
import { alive } from '../../testing/confirm';
import { FakeConnection, refusal } from '../../testing/connection';
import { viewOf } from '../../testing/view';
import { SavedViews } from './saved_views';

const HOSTILE = '<img src=x onerror=alert(1)>';

/** The menu of a store with two saved views. */
async function menu(answers: FakeConnection['answers'] = {}) {
  const store = new Map<string, ViewState>([
    [HOSTILE, defaultView()],
    ['weekly', { ...defaultView(), query: 'metrics.loss < 1' }],
  ]);
  const reply = (name: string | null = null) => ({
    names: [...store.keys()].sort(),
    count: store.size,
    view: name === null ? null : store.get(name)!,
  });
  const connection = new FakeConnection({
    saved_views: ({ name }) => reply(name),
    save_view: ({ name, view, replace }) => {
      if (store.has(name) && !replace) {
        throw refusal('RESOURCE_CONFLICT', 'It already exists.');
      }
      store.set(name, view);
      return reply();
    },
    delete_view: ({ name }) => {
      store.delete(name);
      return reply();
    },
    ...answers,
  });
  const view = viewOf({ query: 'params.lr = 1' });
  render(<SavedViews connection={connection} view={view} />);
  const user = userEvent.setup({ delay: null });
  const button = screen.getByRole('button', { name: 'Views…' });
  button.focus();
  await user.keyboard('{Enter}');
  const field = await screen.findByLabelText<HTMLInputElement>('Name of the view');
  return { store, connection, view, user, button, field };
}

test('a view is opened by the keyboard, and the focus returns to the button', async () => {
  const { view, user, button, field } = await menu();
  const weekly = await screen.findByRole('button', { name: 'Open view weekly' });
  assert.ok(document.activeElement === field);
  await user.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}{ArrowDown}');
  assert.ok(document.activeElement === weekly);
  await user.keyboard('{Enter}');
  await waitFor(() => assert.equal(view.peek().query, 'metrics.loss < 1'));
  assert.equal(screen.queryByRole('dialog'), null);
  assert.ok(document.activeElement === button);
});

test('Escape closes the menu, and a name that is HTML stays text', async () => {
  const { user, button } = await menu();
  await screen.findByText(HOSTILE);
  assert.equal(document.querySelector('img'), null);
  await user.keyboard('{Escape}');
  assert.equal(screen.queryByRole('dialog'), null);
  assert.ok(document.activeElement === button);
});

test('the present view is saved under a new name', async () => {
  const { store, connection, user, field } = await menu();
  await user.type(field, ' mine {Enter}');
  await screen.findByText('Saved as mine.');
  assert.equal(store.get('mine')?.query, 'params.lr = 1');
  assert.deepEqual(
    connection.payloads('save_view').map(({ replace }) => replace),
    [false],
  );
  assert.ok(screen.getByRole('button', { name: 'Open view mine' }));
});

test('a view is replaced only after the user has agreed', async () => {
  const { store, connection, user, field } = await menu();
  await screen.findByText('weekly');
  await user.type(field, 'weekly{Enter}');
  await screen.findByText(/View weekly already exists/);
  await user.keyboard('{Escape}');
  assert.equal(screen.queryByText(/View weekly already exists/), null);
  assert.equal(connection.payloads('save_view').length, 0);
  await user.keyboard('{Enter}');
  await user.click(await alive('Replace'));
  await screen.findByText('Saved as weekly.');
  assert.equal(store.get('weekly')?.query, 'params.lr = 1');
});

test('the user is asked too if another user has saved a view of this name in the meantime', async () => {
  const { store, user, field } = await menu();
  await screen.findByText('weekly');
  store.set('new', defaultView());
  await user.type(field, 'new{Enter}');
  await screen.findByText(/View new already exists/);
  await user.click(screen.getByRole('button', { name: 'Cancel' }));
  assert.equal(store.get('new')?.query, '');
});

test('a view is deleted only after the user has agreed', async () => {
  const { store, user } = await menu();
  await user.click(await screen.findByRole('button', { name: 'Delete view weekly' }));
  await screen.findByText('Delete view weekly, for everyone who uses the store?');
  assert.equal(document.activeElement?.textContent, 'Cancel');
  assert.ok(store.has('weekly'));
  await user.click(await alive('Delete'));
  await screen.findByText('Deleted weekly.');
  assert.ok(!store.has('weekly'));
  assert.equal(screen.queryByRole('button', { name: 'Open view weekly' }), null);
});

test('why a view could not be read or opened is said', async () => {
  let fails = true;
  const { user } = await menu({
    saved_views: ({ name }) => {
      if (fails || name !== null) {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The store is busy.');
      }
      return { names: ['a'], count: 1, view: null };
    },
  });
  await screen.findByText('The store is busy.');
  fails = false;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await user.click(await screen.findByRole('button', { name: 'Open view a' }));
  await screen.findByText('The store is busy.');
  assert.ok(screen.getByRole('dialog'));
});

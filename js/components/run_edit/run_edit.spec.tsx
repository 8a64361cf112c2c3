import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { EditRunReply } from '../../contract';
import { FakeConnection, refusal } from '../../testing/connection';
import { RunName, RunNotes } from './run_edit';

/** Shows a run that the kernel has, and that may be changed by others. */
function shown(fields: Partial<EditRunReply> = {}) {
  const kernel = signal<EditRunReply>({ name: 'calm-owl', note: '', tags: {}, ...fields });
  const seen = signal(kernel.peek());
  const connection = new FakeConnection({
    edit_run: ({ name, note, set_tags = {}, delete_tags = [], seen: form }) => {
      const now = kernel.peek();
      if ((form?.name ?? now.name) !== now.name || (form?.note ?? now.note) !== now.note) {
        throw refusal('RESOURCE_CONFLICT', 'It was changed meanwhile.');
      }
      const tags = Object.fromEntries(Object.entries(now.tags).filter(([key]) => !delete_tags.includes(key)));
      kernel.value = { name: name ?? now.name, note: note ?? now.note, tags: { ...tags, ...set_tags } };
      return kernel.peek();
    },
  });
  const refresh = () => {
    seen.value = kernel.peek();
  };
  const editing = { connection, run_id: 'r', changed: (reply: EditRunReply) => (seen.value = reply), refresh };
  function Run() {
    const { name, note, tags } = seen.value;
    return (
      <>
        <RunName name={name} run_id="r" editing={connection.live ? editing : null} />
        <RunNotes note={note} tags={tags} editing={connection.live ? editing : null} />
      </>
    );
  }
  render(<Run />);
  return { kernel, connection, user: userEvent.setup({ delay: null }) };
}

const hasFocus = (name: string) =>
  waitFor(() => assert.ok(document.activeElement === screen.getByRole('button', { name })));

test('a name is edited by the keyboard alone', async () => {
  const { kernel, connection, user } = shown();
  screen.getByRole('button', { name: 'Edit the name' }).focus();
  await user.keyboard('{Enter}');
  await user.keyboard('new name{Enter}');
  await screen.findByText('new name');
  assert.equal(kernel.value.name, 'new name');
  assert.deepEqual(connection.payloads('edit_run'), [{ run_id: 'r', name: 'new name', seen: { name: 'calm-owl' } }]);
  await hasFocus('Edit the name');
});

test('Escape saves nothing, and neither does Enter without a change', async () => {
  const { connection, user } = shown();
  await user.click(screen.getByRole('button', { name: 'Edit the name' }));
  await user.keyboard('x{Escape}');
  assert.ok(screen.getByText('calm-owl'));
  await user.keyboard('{Enter}{Enter}');
  assert.equal(connection.asked.length, 0);
  await hasFocus('Edit the name');
});

test('a note that somebody else has changed is shown beside what was typed, and can be replaced', async () => {
  const { kernel, user } = shown({ note: 'first' });
  await user.click(screen.getByRole('button', { name: 'Edit the note' }));
  await user.keyboard('mine{Shift>}{Enter}{/Shift}too');
  kernel.value = { ...kernel.value, note: 'theirs' };
  await user.keyboard('{Enter}');
  await screen.findByText('It was changed meanwhile.');
  assert.ok(screen.getByText('theirs'));
  assert.equal((screen.getByRole('textbox', { name: 'note' }) as HTMLTextAreaElement).value, 'mine\ntoo');
  assert.equal(kernel.value.note, 'theirs');
  await user.click(screen.getByRole('button', { name: 'Save' }));
  await waitFor(() => assert.equal(kernel.value.note, 'mine\ntoo'));
});

test('a note and tags are added, changed and deleted', async () => {
  const { kernel, connection, user } = shown();
  await user.click(screen.getByRole('button', { name: 'Add a note' }));
  await user.keyboard('<b>good</b>{Enter}');
  await screen.findByText('<b>good</b>');
  await user.click(screen.getByRole('button', { name: 'Add a tag' }));
  await user.keyboard('team{Tab}vision{Enter}');
  await screen.findByText('vision');
  await hasFocus('Add a tag');
  await user.click(screen.getByRole('button', { name: 'Edit the tag team' }));
  await user.keyboard('speech{Enter}');
  await screen.findByText('speech');
  assert.deepEqual(kernel.value.tags, { team: 'speech' });
  await user.click(screen.getByRole('button', { name: 'Delete the tag team' }));
  await waitFor(() => assert.deepEqual(kernel.value.tags, {}));
  assert.deepEqual(connection.payloads('edit_run').at(-1)?.seen, { tags: { team: 'speech' } });
  await hasFocus('Add a tag');
});

test('a double click deletes one tag', async () => {
  const { kernel, connection, user } = shown({ tags: { a: '1', b: '2' } });
  await user.dblClick(screen.getByRole('button', { name: 'Delete the tag a' }));
  await waitFor(() => assert.deepEqual(kernel.value.tags, { b: '2' }));
  assert.equal(connection.payloads('edit_run').length, 1);
  assert.equal(screen.queryByText(/changed meanwhile/), null);
});

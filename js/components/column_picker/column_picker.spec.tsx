import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { ColumnPicker } from './column_picker';

const choices = [
  { id: 'params.lr', name: 'lr', kind: 'Params that differ', detail: '3 values' },
  { id: 'params.<b>', name: '<b>', kind: 'Params that differ' },
  { id: 'tags.team', name: 'team', kind: 'Tags' },
];

function picker(chosen: string | null = null) {
  const taken: string[] = [];
  const searched: string[] = [];
  render(
    <ColumnPicker
      label="Group by…"
      title="Group runs by"
      choices={choices}
      chosen={chosen}
      choose={(id) => taken.push(id)}
      search={(words) => searched.push(words)}
    />,
  );
  return { taken, searched, user: userEvent.setup({ delay: null }) };
}

test('a column is searched for and chosen with the keyboard, and the focus returns to the button', async () => {
  const { taken, searched, user } = picker('tags.team');
  const button = screen.getByRole('button', { name: 'Group by…' });
  button.focus();
  await user.keyboard('{Enter}');
  assert.deepEqual(
    screen.getAllByRole('option').map((option) => [option.textContent, option.getAttribute('aria-selected')]),
    [
      ['lr3 values', 'false'],
      ['<b>', 'false'],
      ['team', 'true'],
    ],
  );
  await user.keyboard('tag te');
  assert.equal(screen.getAllByRole('option').length, 1);
  assert.equal(searched[0], '');
  assert.equal(searched.at(-1), 'tag te');
  await user.keyboard('{Enter}');
  assert.deepEqual(taken, ['tags.team']);
  assert.ok(document.activeElement === button);
  assert.equal(screen.queryByRole('dialog'), null);
});

test('the arrows move over the choices, Escape leaves everything as it was, and a click chooses', async () => {
  const { taken, user } = picker();
  await user.click(screen.getByRole('button', { name: 'Group by…' }));
  await user.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}{Escape}');
  assert.deepEqual(taken, []);
  await user.click(screen.getByRole('button', { name: 'Group by…' }));
  await user.keyboard('nothing like it');
  assert.ok(screen.getByText('No column has this name.'));
  await user.clear(screen.getByRole('combobox'));
  await user.click(screen.getByRole('option', { name: '<b>' }));
  assert.deepEqual(taken, ['params.<b>']);
});

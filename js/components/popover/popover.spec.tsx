import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { Popover } from './popover';

function shown() {
  render(
    <>
      <Popover button="Columns…" label="Columns of the table">
        {(close) => (
          <button type="button" onClick={close}>
            Close
          </button>
        )}
      </Popover>
      <button type="button">Other</button>
    </>,
  );
  return { user: userEvent.setup({ delay: null }), button: screen.getByRole('button', { name: 'Columns…' }) };
}

test('the button opens and closes the box, and says which of the two it is', async () => {
  const { user, button } = shown();
  assert.equal(button.getAttribute('aria-expanded'), 'false');
  await user.click(button);
  assert.ok(screen.getByRole('dialog', { name: 'Columns of the table' }));
  assert.equal(button.getAttribute('aria-expanded'), 'true');
  await user.click(button);
  assert.equal(screen.queryByRole('dialog'), null);
});

test('Escape and the content close the box, and the focus returns to the button', async () => {
  const { user, button } = shown();
  for (const leave of [() => user.keyboard('{Escape}'), () => user.click(screen.getByText('Close'))]) {
    await user.click(button);
    await leave();
    assert.equal(screen.queryByRole('dialog'), null);
    assert.ok(document.activeElement === button);
  }
});

test('the box closes if the focus leaves it, and the focus stays where it went', async () => {
  const { user, button } = shown();
  await user.click(button);
  await user.tab();
  assert.ok(screen.getByRole('dialog'));
  await user.tab();
  assert.equal(screen.queryByRole('dialog'), null);
  assert.ok(document.activeElement === screen.getByText('Other'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { lazy } from './lazy';

const Greeting = ({ name }: { name: string }) => <b>Hello {name}</b>;

test('the code is loaded when the component is first shown, and once for all of them', async () => {
  let loads = 0;
  const Lazy = lazy('the greeting', async () => {
    loads += 1;
    return Greeting;
  });
  assert.equal(loads, 0);
  const { unmount } = render(<Lazy name="Ada" />);
  assert.equal(screen.getByRole('status').textContent, 'Loading the greeting…');
  await screen.findByText('Hello Ada');
  unmount();
  render(<Lazy name="Grace" />);
  screen.getByText('Hello Grace');
  assert.equal(loads, 1);
});

test('if the code cannot be loaded, the reason is shown, and the user can try again', async () => {
  let reachable = false;
  const Lazy = lazy('the greeting', async () => {
    if (!reachable) {
      throw new Error('The kernel cannot be reached.');
    }
    return Greeting;
  });
  render(<Lazy name="Ada" />);
  await screen.findByText('The kernel cannot be reached.');
  reachable = true;
  await userEvent.setup({ delay: null }).click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('Hello Ada');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { act, render, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { KernelLost } from './kernel_lost';

function shown(answers: boolean) {
  const lost = signal(false);
  render(
    <KernelLost
      lost={lost}
      reconnect={async () => {
        lost.value = !answers;
        return answers;
      }}
      saved={() => <p>from the snapshot</p>}
    >
      <input aria-label="Filter runs" />
    </KernelLost>,
  );
  return { lost, user: userEvent.setup({ delay: null }) };
}

test('a lost kernel is announced, and what the user had typed stays', async () => {
  const { lost, user } = shown(false);
  await user.type(screen.getByLabelText('Filter runs'), 'loss < 1');
  assert.equal(screen.queryByRole('alert'), null);
  await act(() => {
    lost.value = true;
  });
  assert.match(screen.getByRole('alert').textContent!, /was restarted.*Run the cell again/);
  assert.equal(screen.getByLabelText<HTMLInputElement>('Filter runs').value, 'loss < 1');
});

test('a kernel that does not have the view any more is not offered as reachable', async () => {
  const { lost, user } = shown(false);
  await act(() => {
    lost.value = true;
  });
  await user.click(screen.getByRole('button', { name: 'Reconnect' }));
  await screen.findByText(/does not have this view any more. Run the cell again/);
});

test('the announcement goes when the kernel answers', async () => {
  const { lost, user } = shown(true);
  await act(() => {
    lost.value = true;
  });
  await user.click(screen.getByRole('button', { name: 'Reconnect' }));
  assert.equal(screen.queryByRole('alert'), null);
});

test('the data that the view was opened with can be shown meanwhile', async () => {
  const { lost, user } = shown(false);
  await act(() => {
    lost.value = true;
  });
  await user.click(screen.getByRole('button', { name: 'Show the data it was opened with' }));
  screen.getByText('from the snapshot');
  await user.click(screen.getByRole('button', { name: 'Show the last view' }));
  screen.getByLabelText('Filter runs');
});

test('the saved screen is created once, even if something changes that it has read', async () => {
  const [lost, read] = [signal(true), signal(0)];
  let created = 0;
  const saved = () => {
    created += 1;
    return <p>from the snapshot {read.value}</p>;
  };
  render(
    <KernelLost lost={lost} reconnect={async () => false} saved={saved}>
      <p>live</p>
    </KernelLost>,
  );
  await userEvent.setup({ delay: null }).click(screen.getByRole('button', { name: /^Show the data/ }));
  await act(() => {
    read.value += 1;
  });
  assert.equal(created, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fireEvent, render, screen } from '@testing-library/preact';
import { failure } from '../../connection/connection';
import { Problem } from './problem';

test('an error is announced, and can be retried', () => {
  let tries = 0;
  render(<Problem error={failure('INTERNAL_ERROR', 'The disk is full.').reply} retry={() => (tries += 1)} />);
  assert.equal(screen.getByRole('alert').textContent, 'The disk is full.Try again');
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  assert.equal(tries, 1);
});

import assert from 'node:assert/strict';
import { screen, waitFor } from '@testing-library/preact';

/** Return the primary button of a form, once it does something. */
export async function alive(name: string): Promise<HTMLElement> {
  const button = await screen.findByRole('button', { name });
  await waitFor(() => assert.equal(button.getAttribute('aria-disabled'), 'false'));
  return button;
}

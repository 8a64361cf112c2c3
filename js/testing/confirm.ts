import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { act, screen, waitFor } from '@testing-library/preact';
import { DEAD_MS } from '../components/confirm/confirm';

/** Return the primary button of a form, once it does something. */
export async function alive(name: string): Promise<HTMLElement> {
  const button = await screen.findByRole('button', { name });
  await waitFor(() => assert.equal(button.getAttribute('aria-disabled'), 'false'));
  return button;
}

/**
 * Keep the primary buttons of forms that appear from now on dead, however long the test takes. Returns a function that ends
 * this.
 */
export function keepDead(context: TestContext): () => Promise<void> {
  const held: (() => void)[] = [];
  const timer = globalThis.setTimeout;
  const mocked = context.mock.method(globalThis, 'setTimeout', ((action: () => void, delay: number) => {
    if (delay !== DEAD_MS) {
      return timer(action, delay);
    }
    held.push(action);
    return 0;
  }) as never);
  return () => {
    mocked.mock.restore();
    return act(() => {
      for (const action of held) {
        action();
      }
    });
  };
}

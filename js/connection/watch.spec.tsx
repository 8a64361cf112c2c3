import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Watch } from './watch';

function watched() {
  const asked: number[] = [];
  const refresh = mock.fn(() => Promise.resolve());
  const watch = new Watch((seconds) => asked.push(seconds), refresh);
  return { asked, refresh, watch };
}

function show(visible: boolean) {
  Object.defineProperty(document, 'visibilityState', { value: visible ? 'visible' : 'hidden', configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

test('the kernel is asked again while the page is visible, and told when it is not', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'] });
  const { asked, refresh, watch } = watched();
  context.mock.timers.tick(25_000);
  assert.deepEqual(asked, [60, 60]);
  show(false);
  context.mock.timers.tick(100_000);
  watch.changed();
  assert.deepEqual(asked, [60, 60, 0]);
  assert.equal(refresh.mock.callCount(), 0);
  show(true);
  assert.equal(refresh.mock.callCount(), 1);
  watch.stop();
  show(true);
  context.mock.timers.tick(100_000);
  assert.deepEqual(asked, [60, 60, 0, 60, 0]);
});

test('many changes are one refresh at a time, and the last one is not lost', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'] });
  const { refresh, watch } = watched();
  for (let i = 0; i < 5; i++) {
    watch.changed();
  }
  assert.equal(refresh.mock.callCount(), 1);
  await Promise.resolve();
  context.mock.timers.tick(2_000);
  assert.equal(refresh.mock.callCount(), 2);
  watch.stop();
});

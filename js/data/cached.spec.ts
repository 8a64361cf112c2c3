import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunsRequest } from '../contract';
import { FakeConnection, runsReply } from '../testing/connection';
import { CachedConnection } from './cached';

const reply = (run_ids: string[]) => ({ run_ids, run_names: run_ids, rows: [] });

function cached(answer: NonNullable<FakeConnection['answers']['diff']> = ({ run_ids }) => reply(run_ids)) {
  const connection = new FakeConnection({ diff: answer, complete: () => ({ completions: [], count: 0 }) });
  return { connection, cache: new CachedConnection(connection) };
}

test('the same request is sent once until the store changes', async () => {
  const { connection, cache } = cached();
  const [first, second] = await Promise.all(['a', 'a'].map((id) => cache.request('diff', { run_ids: [id] })));
  assert.equal(first, second);
  await cache.request('diff', { run_ids: ['a'] });
  assert.equal(connection.asked.length, 1);
  await cache.request('diff', { run_ids: ['b'] });
  assert.equal(connection.asked.length, 2);
  cache.forget();
  await cache.request('diff', { run_ids: ['a'] });
  assert.equal(connection.asked.length, 3);
});

test('an answer that was on its way when the store changed is not kept', async () => {
  let answer = () => {};
  const { connection, cache } = cached(
    ({ run_ids }) => new Promise((resolve) => (answer = () => resolve(reply(run_ids)))),
  );
  const waiting = cache.request('diff', { run_ids: ['a'] });
  cache.forget();
  answer();
  await waiting;
  void cache.request('diff', { run_ids: ['a'] });
  assert.equal(connection.asked.length, 2);
});

test('a request is cancelled once nobody waits for it', async () => {
  let signal: AbortSignal | undefined;
  const { connection, cache } = cached();
  connection.request = ((_: string, __: unknown, given: AbortSignal) => {
    signal = given;
    return new Promise(() => {});
  }) as never;
  const [one, other] = [new AbortController(), new AbortController()];
  const both = [one, other].map((controller) => cache.request('diff', { run_ids: ['a'] }, controller.signal));
  one.abort();
  await assert.rejects(both[0]!, { name: 'AbortError' });
  assert.equal(signal!.aborted, false);
  other.abort();
  await assert.rejects(both[1]!, { name: 'AbortError' });
  assert.equal(signal!.aborted, true);
});

test('failures and other requests are not kept', async () => {
  let failures = 1;
  const { connection, cache } = cached(({ run_ids }) => {
    if (failures-- > 0) {
      throw new Error('locked');
    }
    return reply(run_ids);
  });
  await assert.rejects(cache.request('diff', { run_ids: ['a'] }), /locked/);
  await cache.request('diff', { run_ids: ['a'] });
  await cache.request('complete', { text: '', position: 0 });
  await cache.request('complete', { text: '', position: 0 });
  assert.equal(connection.asked.length, 4);
});

test('of the pages of runs only the first is kept, and the answers that were used last stay the longest', async () => {
  const connection = new FakeConnection({ runs: () => runsReply([]) });
  const cache = new CachedConnection(connection);
  const ask = (filter: string, offset = 0) => cache.request('runs', { filter, offset } as RunsRequest);
  await ask('a');
  await ask('a', 200);
  await ask('a', 200);
  assert.equal(connection.asked.length, 3);
  for (let other = 0; other < 31; other++) {
    await ask(`other ${other}`);
  }
  await ask('a');
  await ask('new');
  await ask('a');
  assert.equal(connection.asked.length, 35);
  await ask('other 0');
  assert.equal(connection.asked.length, 36);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyModel } from '@anywidget/types';
import type { RequestError } from './connection';
import { KernelConnection, type WidgetState } from './kernel';
import { toFloats } from './snapshot';

type Listener = (message: unknown, buffers: DataView[]) => void;

/** A widget model whose kernel is this test. */
function kernel() {
  const listeners = new Set<Listener>();
  const sent: { kind: string; id: string; name: string }[] = [];
  const model = {
    on: (_: string, listener: Listener) => listeners.add(listener),
    off: (_: string, listener: Listener) => listeners.delete(listener),
    send: (message: never) => sent.push(message),
  } as unknown as AnyModel<WidgetState>;
  const answer = (message: unknown, buffers: DataView[] = []) => {
    for (const listener of listeners) {
      listener(message, buffers);
    }
  };
  return { model, sent, answer, listeners };
}

const registry = { name: null };

test('the first message is sent at once and says that a page shows the widget', () => {
  const { model, sent } = kernel();
  new KernelConnection(model, new AbortController().signal);
  assert.deepEqual(sent, [{ kind: 'nbtrack:hello' }]);
});

test('each request gets its own reply, in whatever order the replies arrive', async () => {
  const { model, sent, answer } = kernel();
  const connection = new KernelConnection(model, new AbortController().signal);
  const asked = [connection.request('registry', registry), connection.request('registry', registry)];
  for (const { id } of sent.slice(1).reverse()) {
    answer({ kind: 'nbtrack:reply', id, reply: { id } });
  }
  const replies = (await Promise.all(asked)).map((answer) => (answer.reply as unknown as { id: string }).id);
  assert.deepEqual(
    replies,
    sent.slice(1).map(({ id }) => id),
  );
});

test('an error becomes a RequestError with the position of the mistake', async () => {
  const { model, sent, answer } = kernel();
  const asked = new KernelConnection(model, new AbortController().signal).request('registry', registry);
  const error = { error_code: 'X', message: 'no', reason: 'r', position: 3, expected: ['a'] };
  answer({ kind: 'nbtrack:reply', id: sent[1]!.id, error });
  await assert.rejects(asked, (cause: RequestError) => cause.reply.position === 3);
});

test('a request fails if the kernel does not answer, and if it cannot be reached', async () => {
  const { model } = kernel();
  const silent = new KernelConnection(model, new AbortController().signal, 20).request('registry', registry);
  await assert.rejects(silent, /did not answer within/);
  const throwing = {
    ...model,
    send: () => {
      throw new Error('Cannot send');
    },
  } as unknown as AnyModel<WidgetState>;
  const gone = new KernelConnection(throwing, new AbortController().signal, 5_000, 1);
  await assert.rejects(gone.request('registry', registry), /cannot be reached/);
});

test('a request that cannot be sent yet is sent when the kernel is reached', async () => {
  const { model, sent, answer } = kernel();
  let reachable = false;
  const send = (message: never) => {
    if (!reachable) {
      reachable = true;
      throw new Error('Cannot send');
    }
    sent.push(message);
  };
  const late = { ...model, send } as unknown as AnyModel<WidgetState>;
  const asked = new KernelConnection(late, new AbortController().signal, 5_000, 1).request('registry', registry);
  await new Promise((resolve) => setTimeout(resolve, 20));
  answer({ kind: 'nbtrack:reply', id: sent.find(({ kind }) => kind === 'nbtrack:request')!.id, reply: { models: [] } });
  assert.deepEqual((await asked).reply.models, []);
});

test('an aborted request is over, and its late reply is ignored', async () => {
  const { model, sent, answer } = kernel();
  const controller = new AbortController();
  const asked = new KernelConnection(model, new AbortController().signal).request(
    'registry',
    registry,
    controller.signal,
  );
  controller.abort();
  await assert.rejects(asked, { name: 'AbortError' });
  answer({ kind: 'nbtrack:reply', id: sent[1]!.id, reply: {} });
});

test('when the view ends, its listeners are removed', () => {
  const { model, listeners } = kernel();
  const controller = new AbortController();
  new KernelConnection(model, controller.signal);
  controller.abort();
  assert.equal(listeners.size, 0);
});

test('floats are read from any byte of a comm frame', () => {
  const bytes = new Uint8Array(8 + 16 + 3);
  new Float64Array(bytes.buffer, 0, 3).set([0, 1.5, -2]);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assert.deepEqual([...toFloats(new DataView(shifted.buffer, 3 + 8, 16))], [1.5, -2]);
  assert.deepEqual([...toFloats([1, null])], [1, NaN]);
});

test('a lost kernel fails what waits and what is asked later, at once', async () => {
  const { model, sent } = kernel();
  const connection = new KernelConnection(model, new AbortController().signal);
  const waiting = connection.request('registry', registry);
  connection.lost.value = true;
  await assert.rejects(waiting, /was restarted. Run the cell again/);
  await assert.rejects(connection.request('registry', registry), /was restarted. Run the cell again/);
  assert.equal(sent.filter(({ kind }) => kind === 'nbtrack:request').length, 1);
});

test('a kernel that still has the widget is found again', async () => {
  const { model, sent, answer } = kernel();
  const connection = new KernelConnection(model, new AbortController().signal);
  connection.lost.value = true;
  assert.equal(await connection.reconnect(1), false);
  assert.equal(connection.lost.value, true);
  const found = connection.reconnect(1_000);
  assert.deepEqual(sent.at(-1), { kind: 'nbtrack:hello', answer: true });
  answer({ kind: 'nbtrack:here' });
  assert.equal(await found, true);
  const asked = connection.request('registry', registry);
  answer({ kind: 'nbtrack:reply', id: sent.at(-1)!.id, reply: { models: [] } });
  assert.deepEqual((await asked).reply.models, []);
});

test('the kernel need not begin with a request that is aborted', async () => {
  const { model, sent } = kernel();
  const connection = new KernelConnection(model, new AbortController().signal);
  const controller = new AbortController();
  const asked = connection.request('registry', registry, controller.signal);
  controller.abort();
  await assert.rejects(asked, { name: 'AbortError' });
  assert.deepEqual(sent.slice(2), [{ kind: 'nbtrack:cancel', id: sent[1]!.id }]);
  const never = connection.request('registry', registry, controller.signal);
  await assert.rejects(never, { name: 'AbortError' });
  assert.equal(sent.length, 3);
});

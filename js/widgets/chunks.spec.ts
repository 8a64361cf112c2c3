import assert from 'node:assert/strict';
import { resolveObjectURL } from 'node:buffer';
import { test } from 'node:test';
import type { AnyModel } from '@anywidget/types';
import { Chunks, type CodeState, type Manifest } from './chunks';

const manifest: Manifest = {
  version: 'v1',
  style: 'style.css',
  screens: { comparison: 'comparison.js', live: 'live.js' },
  imports: { 'comparison.js': ['shared.js', 'base.js'], 'live.js': ['base.js'], 'shared.js': ['base.js'] },
};
const code: Record<string, string> = {
  'comparison.js': 'import "nbtrack:shared.js"; import "nbtrack:base.js";',
  'live.js': 'import "nbtrack:base.js";',
  'shared.js': 'import "nbtrack:base.js";',
  'base.js': '"base"',
  'later.js': '"later"',
  'bundle.js': 'everything',
  'style.css': '.nbt {}',
};

interface Request {
  kind: string;
  id: string;
  names: string[];
}

/** A widget whose kernel is this test. */
function widget(reachable = true) {
  const listeners = new Map<string, Set<(message?: unknown) => void>>();
  const of = (name: string) => listeners.get(name) ?? listeners.set(name, new Set()).get(name)!;
  const sent: Request[] = [];
  const state: CodeState = {};
  const model = {
    get: (name: keyof CodeState) => state[name],
    on: (name: string, listener: () => void) => of(name).add(listener),
    off: (name: string, listener: () => void) => of(name).delete(listener),
    send: (message: Request) => {
      if (!reachable) {
        throw new Error('Cannot send');
      }
      sent.push(message);
    },
  } as unknown as AnyModel<CodeState>;
  const emit = (name: string, message?: unknown) => {
    for (const listener of [...of(name)]) {
      listener(message);
    }
  };
  const answer = ({ names }: Request) =>
    emit('msg:custom', { kind: 'nbtrack:code', names, sources: Object.fromEntries(names.map((n) => [n, code[n]])) });
  return { model, sent, state, emit, answer, ended: new AbortController() };
}

/**
 * Chunks whose modules are the text of their code, with the URLs of imports replaced by the imported code. A page that
 * refuses blob modules may run scripts.
 */
function chunks(repeats: number[] = [], refuse = false, runScript: (source: string) => unknown = () => undefined) {
  const imported: string[] = [];
  const text = async (url: string): Promise<string> => {
    const own = await (resolveObjectURL(url) as Blob).text();
    const urls = [...own.matchAll(/"(blob:[^"]+)"/g)].map(([, found]) => found!);
    return [own, ...(await Promise.all(urls.map(text)))].join('\n');
  };
  const importer = async (url: string) => {
    if (refuse) {
      throw new TypeError('Failed to fetch dynamically imported module');
    }
    imported.push(url);
    return text(url);
  };
  return { chunks: new Chunks(manifest, importer, repeats, runScript), imported };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test('a screen is one request, with the stylesheet and all that it imports; the next one asks for the rest only', async () => {
  const [{ chunks: page }, first, second] = [chunks(), widget(), widget()];
  page.connect(first.model, first.ended.signal);
  const comparison = page.screen<string>('comparison');
  assert.deepEqual(first.sent[0]!.names.sort(), ['base.js', 'comparison.js', 'shared.js', 'style.css']);
  first.answer(first.sent[0]!);
  assert.equal((await comparison).match(/"base"/g)?.length, 2);
  page.connect(second.model, second.ended.signal);
  const live = page.screen<string>('live');
  assert.deepEqual(
    second.sent.map((request) => request.names),
    [['live.js']],
  );
  second.answer(second.sent[0]!);
  assert.match(await live, /"base"/);
  assert.equal(await page.screen('live'), await live);
  assert.equal(first.sent.length + second.sent.length, 2);
});

test('a chunk for later is asked for when it is first needed', async () => {
  const [{ chunks: page }, kernel] = [chunks(), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  const [one, two] = [page.load('later.js'), page.load('later.js')];
  assert.equal(kernel.sent.length, 1);
  kernel.answer(kernel.sent[0]!);
  assert.equal(await one, await two);
});

test('an unanswered request is repeated with its ID, through another widget first', async () => {
  const [{ chunks: page }, first, second] = [chunks([1, 2, 3]), widget(), widget()];
  page.connect(first.model, first.ended.signal);
  page.connect(second.model, second.ended.signal);
  const loading = page.load('base.js');
  for (let i = 0; i < 100 && first.sent.length + second.sent.length < 4; i++) {
    await settled();
  }
  assert.deepEqual([first.sent.length, second.sent.length], [2, 2]);
  assert.equal(new Set([...first.sent, ...second.sent].map(({ id }) => id)).size, 1);
  first.answer(first.sent[0]!);
  await loading;
});

test('code that a busy kernel sends by itself is used', async () => {
  const [{ chunks: page }, kernel] = [chunks(), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  const loading = page.load<string>('base.js');
  kernel.state._code = { 'base.js': code['base.js']! };
  kernel.emit('change:_code');
  assert.match(await loading, /"base"/);
});

test('an error of the kernel fails the request, and the next try sends another one', async () => {
  const [{ chunks: page }, kernel] = [chunks(), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  const failing = page.load('base.js');
  kernel.emit('msg:custom', { kind: 'nbtrack:code', names: ['base.js'], sources: {}, error: 'Run the cell again.' });
  await assert.rejects(failing, { message: 'Run the cell again.' });
  const again = page.load('base.js');
  kernel.answer(kernel.sent[1]!);
  await again;
});

test('if no kernel can be reached, the request fails', async () => {
  const [{ chunks: page }, kernel] = [chunks([1, 2]), widget(false)];
  page.connect(kernel.model, kernel.ended.signal);
  await assert.rejects(page.load('base.js'), { message: /The kernel cannot be reached/ });
});

test('where blob modules are refused, all code is run as one script, once for all widgets', async () => {
  const [{ chunks: page }, kernel] = [chunks([], true, (source) => `run ${source}`), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  const screens = [page.screen('comparison'), page.screen('live')];
  kernel.sent.forEach(kernel.answer);
  await settled();
  assert.deepEqual(kernel.sent.at(-1)!.names, ['bundle.js']);
  const before = kernel.sent.length;
  kernel.answer(kernel.sent.at(-1)!);
  assert.deepEqual(await Promise.all(screens), ['run everything', 'run everything']);
  assert.equal(await page.screen('comparison'), 'run everything');
  assert.equal(kernel.sent.length, before);
});

test('where a script is refused too, the kernel learns it, and the user reads what to do', async () => {
  const [{ chunks: page }, kernel] = [chunks([], true), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  const loading = page.screen('live');
  kernel.answer(kernel.sent[0]!);
  await settled();
  kernel.answer(kernel.sent[1]!);
  await assert.rejects(loading, { message: /Run the cell again/ });
  assert.equal(kernel.sent.at(-1)!.kind, 'nbtrack:refused');
});

test('a widget that has ended is not used any more', async () => {
  const [{ chunks: page }, kernel] = [chunks(), widget()];
  page.connect(kernel.model, kernel.ended.signal);
  kernel.ended.abort();
  const loading = page.load('base.js');
  assert.equal(kernel.sent.length, 0);
  await assert.rejects(loading, { message: /The kernel cannot be reached/ });
});

test('a screen that this version does not have is an error', async () => {
  await assert.rejects(chunks().chunks.screen('dashboard'), { message: /no view with the name dashboard/ });
});

test('two versions of nbtrack on a page keep their code apart, and widgets of one version share it', async () => {
  const other = { ...manifest, version: 'v2' };
  const [old, recent] = [Chunks.of(manifest), Chunks.of(other)];
  assert.notEqual(old, recent);
  assert.equal(Chunks.of({ ...manifest }), old);
  const [first, second] = [widget(), widget()];
  old.connect(first.model, first.ended.signal);
  recent.connect(second.model, second.ended.signal);
  const versions = [old.style(), recent.style()].map((style) => style.catch(() => undefined));
  // Both have a stylesheet of this name, and each is asked of a widget of its own version.
  assert.deepEqual(
    [first, second].map(({ sent }) => sent.map(({ names }) => names)),
    [[['style.css']], [['style.css']]],
  );
  first.answer(first.sent[0]!);
  second.answer(second.sent[0]!);
  await Promise.all(versions);
  first.ended.abort();
  second.ended.abort();
});

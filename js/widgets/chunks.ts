import type { AnyModel } from '@anywidget/types';

/** Which chunks there are, as js/build.mjs wrote it. */
export interface Manifest {
  /** A hash of all code. Widgets of two versions on a page keep their code apart. */
  version: string;
  /** The name of the stylesheet, which is sent like a chunk. */
  style: string;
  /** The chunk of each screen. */
  screens: Record<string, string>;
  /** The chunks that a chunk imports before it runs. */
  imports: Record<string, string[]>;
}

/** The traits of a widget that concern its code. */
export interface CodeState {
  /** Code that the kernel sends without a request, because it is busy and cannot answer one. */
  _code?: Record<string, string>;
}

interface CodeMessage {
  kind: 'nbtrack:code';
  /** The chunks of the request that this answers. */
  names?: string[];
  sources?: Record<string, string>;
  /** Why the kernel has not sent all of them. */
  error?: string;
}

/**
 * When a request for code is repeated, in milliseconds after it was sent. JupyterLab sends the first message of a page
 * to the main thread of the kernel, where it waits for the running cell, and the next ones to a subshell, which answers
 * at once. A repeated request has the same ID, and the kernel answers one ID once.
 */
export const REPEATS_MS = [100, 300, 1_000, 3_000, 8_000];

/** The code of all screens in one module, which is not among the chunks of the manifest. */
const BUNDLE = 'bundle.js';

/** Why code could not be loaded, in words for the user. */
export class ChunkError extends Error {}

/** The page refuses every module from a blob: URL. */
class BlobsRefused extends ChunkError {}

type Importer = (url: string) => Promise<unknown>;

/**
 * The code of nbtrack on this page, which all widgets of one version share. It asks the kernel for each chunk once,
 * through any of the widgets, and runs it as a module. If the page refuses such modules, all code is run as one script.
 */
export class Chunks {
  private readonly sources = new Map<string, string>();
  private readonly waiting = new Map<
    string,
    { promise: Promise<string>; take: (source: string) => void; fail: (error: ChunkError) => void }
  >();
  private readonly urls = new Map<string, Promise<string>>();
  private readonly modules = new Map<string, Promise<unknown>>();
  private readonly models = new Set<AnyModel<CodeState>>();
  private sheet: Promise<CSSStyleSheet> | undefined;
  private bundle: Promise<unknown> | undefined;
  private count = 0;
  private readonly prefix = Math.random().toString(36).slice(2);

  constructor(
    private readonly manifest: Manifest,
    private readonly importModule: Importer = (url) => import(url),
    private readonly repeats: readonly number[] = REPEATS_MS,
    private readonly runScript: (source: string) => unknown = runAsScript,
  ) {}

  /** Return the chunks of this page and version. The first widget of the page creates them. */
  static of(manifest: Manifest): Chunks {
    const page = globalThis as unknown as Record<symbol, Chunks | undefined>;
    const key = Symbol.for(`nbtrack.chunks.${manifest.version}`);
    page[key] ??= new Chunks(manifest);
    return page[key];
  }

  /** Ask for code through this widget too, until `signal` ends. */
  connect(model: AnyModel<CodeState>, signal: AbortSignal): void {
    const receive = (message: CodeMessage) => {
      if (message?.kind === 'nbtrack:code') {
        this.take(message.sources ?? {});
        if (message.error) {
          this.fail(message.names ?? [], message.error);
        }
      }
    };
    const carried = () => this.take(model.get('_code') ?? {});
    this.models.add(model);
    model.on('msg:custom', receive);
    model.on('change:_code', carried);
    signal.addEventListener('abort', () => {
      this.models.delete(model);
      model.off('msg:custom', receive);
      model.off('change:_code', carried);
    });
    carried();
  }

  /** Return the module of a screen. */
  screen<Module>(name: string): Promise<Module> {
    const chunk = this.manifest.screens[name];
    if (!chunk) {
      return Promise.reject(new ChunkError(`This version of nbtrack has no view with the name ${name}.`));
    }
    if (this.bundle) {
      return this.whole();
    }
    // In the same request as the code.
    void this.fetch([this.manifest.style, ...this.needed(chunk)]);
    return this.load<Module>(chunk).catch((cause) => {
      if (cause instanceof BlobsRefused) {
        return this.whole();
      }
      throw cause;
    });
  }

  /** Return the module of a chunk. Code that esbuild split off calls this where its source has `import()`. */
  load<Module>(name: string): Promise<Module> {
    let module = this.modules.get(name);
    if (!module) {
      void this.fetch(this.needed(name));
      module = this.url(name).then((url) => this.run(url));
      this.modules.set(name, module);
      module.catch(() => this.modules.delete(name));
    }
    return module as Promise<Module>;
  }

  /** Return the stylesheet. */
  style(): Promise<CSSStyleSheet> {
    this.sheet ??= this.source(this.manifest.style).then((text) => new CSSStyleSheet().replace(text));
    this.sheet.catch(() => {
      this.sheet = undefined;
    });
    return this.sheet;
  }

  /** Return a chunk and the chunks that it imports, directly or not. */
  private needed(name: string): string[] {
    const found = new Set([name]);
    for (const chunk of found) {
      for (const imported of this.manifest.imports[chunk] ?? []) {
        found.add(imported);
      }
    }
    return [...found];
  }

  private async run(url: string): Promise<unknown> {
    try {
      return await this.importModule(url);
    } catch (cause) {
      throw (await this.refused()) ? new BlobsRefused() : cause;
    }
  }

  /** Return the module with the code of all screens. */
  private whole<Module>(): Promise<Module> {
    this.bundle ??= this.source(BUNDLE).then((source) => {
      const module = this.runScript(source);
      if (!module) {
        // Widgets that are created from now on do without the loader.
        this.send({ kind: 'nbtrack:refused' }, 0);
        throw new ChunkError(
          'The security policy of this page refuses code from blob: URLs and inline code, so nbtrack cannot load this ' +
            'view. Run the cell again: new widgets of this kernel carry all of their code.',
        );
      }
      return module;
    });
    this.bundle.catch(() => {
      this.bundle = undefined;
    });
    return this.bundle as Promise<Module>;
  }

  /** Return whether the page refuses every blob module. */
  private async refused(): Promise<boolean> {
    const url = URL.createObjectURL(new Blob(['export default 1'], { type: 'text/javascript' }));
    try {
      await this.importModule(url);
      return false;
    } catch {
      return true;
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Return the URL of a chunk's module, in which the chunks that it imports are named by their URLs. */
  private url(name: string): Promise<string> {
    let url = this.urls.get(name);
    if (!url) {
      url = this.moduleUrl(name);
      this.urls.set(name, url);
      url.catch(() => this.urls.delete(name));
    }
    return url;
  }

  private async moduleUrl(name: string): Promise<string> {
    const imports = this.manifest.imports[name] ?? [];
    const [source, ...urls] = await Promise.all([this.source(name), ...imports.map((chunk) => this.url(chunk))]);
    let code = `${source}\n//# sourceURL=nbtrack/${name}`;
    imports.forEach((chunk, i) => {
      code = code.replaceAll(`"nbtrack:${chunk}"`, JSON.stringify(urls[i]));
    });
    return URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  }

  private source(name: string): Promise<string> {
    return this.fetch([name]).then(([source]) => source!);
  }

  /** Return the code of chunks. Those that nobody has asked for yet are requested in one message. */
  private fetch(names: string[]): Promise<string[]> {
    const missing = names.filter((name) => !this.sources.has(name) && !this.waiting.has(name));
    for (const name of missing) {
      let take!: (source: string) => void;
      let fail!: (error: ChunkError) => void;
      const promise = new Promise<string>((resolve, reject) => {
        [take, fail] = [resolve, reject];
      });
      promise.catch(() => undefined);
      this.waiting.set(name, { promise, take, fail });
    }
    const sources = names.map((name) => this.sources.get(name) ?? this.waiting.get(name)!.promise);
    if (missing.length > 0) {
      this.ask(missing);
    }
    const all = Promise.all(sources);
    all.catch(() => undefined);
    return all;
  }

  /** Send a request, and repeat it until it is answered. If no message can be sent at all, the request fails. */
  private ask(names: string[]): void {
    const message = { kind: 'nbtrack:code', id: `${this.prefix}-${++this.count}`, names };
    let sent = false;
    const attempt = (repeat: number) => {
      if (!names.some((name) => this.waiting.has(name))) {
        return;
      }
      sent = this.send(message, repeat) || sent;
      const delay = this.repeats[repeat];
      if (delay !== undefined) {
        setTimeout(() => attempt(repeat + 1), delay - (this.repeats[repeat - 1] ?? 0));
      } else if (!sent) {
        this.fail(
          names,
          'The kernel cannot be reached, so the code of this view cannot be loaded. Run the cell again.',
        );
      }
    };
    attempt(0);
  }

  /** Send a message through the newest widget that can. A repeated message goes first to another one, if there is one. */
  private send(message: object, repeat: number): boolean {
    const models = [...this.models].reverse();
    const first = repeat % Math.max(models.length, 1);
    for (const model of [...models.slice(first), ...models.slice(0, first)]) {
      try {
        model.send(message);
        return true;
      } catch {
        // The kernel of this widget is gone, or JupyterLab is not connected to it yet.
      }
    }
    return false;
  }

  private take(sources: Record<string, string>): void {
    for (const [name, source] of Object.entries(sources)) {
      this.sources.set(name, source);
      this.waiting.get(name)?.take(source);
      this.waiting.delete(name);
    }
  }

  private fail(names: string[], message: string): void {
    for (const name of names) {
      this.waiting.get(name)?.fail(new ChunkError(message));
      this.waiting.delete(name);
    }
  }
}

/**
 * Run a module that imports nothing as an inline script or, if the page refuses that, by eval. Returns what it exports,
 * or undefined if the page refuses both.
 */
export function runAsScript(source: string): unknown {
  const page = globalThis as Record<string, unknown>;
  const place = 'nbtrack module';
  const code = source.replace(
    /export\s*\{\s*([\w$]+) as default\s*\};?\s*$/,
    (_, name: string) => `globalThis["${place}"]=${name};`,
  );
  const wrapped = `(()=>{"use strict";${code}})()`;
  const script = document.createElement('script');
  try {
    // An inline script runs as soon as it is in the document.
    script.textContent = wrapped;
    document.head.append(script);
    if (!page[place]) {
      new Function(wrapped)();
    }
  } catch {
    // The policy refuses eval, or strings as scripts (trusted types).
  }
  script.remove();
  const exported = page[place];
  delete page[place];
  return exported && { default: exported };
}

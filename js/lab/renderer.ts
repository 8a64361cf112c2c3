import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { KERNEL_LOST } from '../connection/kernel';
import type { Snapshot } from '../connection/snapshot';
import { INSERT_CELL } from '../logic/notebook_event';
import { mount } from '../screens/mount';
import { savedView } from './saved_view';

export const MIME = 'application/vnd.nbtrack.view+json';
const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';
const TIMEOUT_MS = 2_500;
const ATTEMPTS = 6;
/**
 * How long a live view may take to appear until the saved one is drawn. That of a cell that has just run needs less, also
 * on a busy computer, unless its code must be fetched.
 */
const PATIENCE_MS = 150;

/** Statuses of a kernel after which it does not have the widgets any more. */
const LOST: ReadonlySet<unknown> = new Set(['restarting', 'autorestarting', 'terminating', 'dead']);

interface Listening {
  connect(listener: (sender: unknown, value: unknown) => void): void;
  disconnect(listener: (sender: unknown, value: unknown) => void): void;
}

interface SessionContext {
  statusChanged: Listening;
  kernelChanged: Listening;
}

/** What this file knows of the widget manager of JupyterLab. */
interface WidgetManager {
  has_model(id: string): boolean;
  /** Whether the manager has asked the kernel for its widgets. */
  restoredStatus: boolean;
  restored: Listening;
}

/** A notebook. */
interface Cells {
  activeCellIndex: number;
  widgets: readonly Widget[];
  model: { sharedModel: { insertCell(index: number, cell: object): unknown } } | null;
}

interface Rendermime {
  getFactory(mimeType: string): unknown;
  createRenderer(mimeType: string): IRenderMime.IRenderer;
}

/** Shows the view that was saved with the notebook, and replaces it with the live widget if the kernel still has it. */
export class SavedViewRenderer extends Widget implements IRenderMime.IRenderer {
  private model: IRenderMime.IMimeModel | undefined;
  private end: (() => void) | undefined;
  /** The widget manager's view while it is not known whether it shows the widget. */
  private tried: IRenderMime.IRenderer | undefined;

  constructor() {
    super();
    this.node.addEventListener(INSERT_CELL, (event) => {
      if (this.insertCell((event as CustomEvent<unknown>).detail)) {
        event.preventDefault();
      }
    });
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    if (this.isAttached) {
      await this.draw();
    }
  }

  protected override onAfterAttach(): void {
    void this.draw();
  }

  protected override onBeforeDetach(): void {
    this.end?.();
    this.end = undefined;
    // A Lumino widget must be disposed while its node is in the document.
    this.tried?.dispose();
    this.tried = undefined;
    this.node.replaceChildren();
  }

  private async draw(): Promise<void> {
    const model = this.model;
    if (!model || this.end) {
      return;
    }
    const [saved, host] = [document.createElement('div'), document.createElement('div')];
    saved.className = 'nbt-saved';
    // Views measure themselves, so the host has its size until something else is shown.
    host.style.visibility = 'hidden';
    this.node.append(saved, host);
    let unmount: (() => void) | undefined;
    const show = () => {
      if (this.end !== end) {
        return;
      }
      clearTimeout(timer);
      host.hidden = true;
      unmount ??= mount(saved, savedView(model.data[MIME] as unknown as Snapshot));
    };
    // A live view that appears at once is the only one that is drawn.
    const timer: ReturnType<typeof setTimeout> = setTimeout(show, PATIENCE_MS);
    const end = () => {
      clearTimeout(timer);
      unmount?.();
    };
    this.end = end;
    const live = model.trusted && model.data[WIDGET_VIEW] ? await this.findLive(model, host, show) : undefined;
    if (!live) {
      show();
      return;
    }
    if (this.end !== end) {
      return;
    }
    end();
    saved.remove();
    host.hidden = false;
    host.style.visibility = '';
    const unwatch = this.watchKernel(live);
    this.end = () => {
      unwatch();
      live.dispose();
    };
  }

  /**
   * Return the widget manager's view of this output in `host`, unless it only shows that the model does not exist. Calls
   * `waits` if it is known that it takes long.
   */
  private async findLive(
    model: IRenderMime.IMimeModel,
    host: HTMLElement,
    waits: () => void,
  ): Promise<IRenderMime.IRenderer | undefined> {
    const rendermime = this.rendermime();
    for (let i = 0; i < ATTEMPTS && rendermime?.getFactory(WIDGET_VIEW) && this.isAttached; i++) {
      const live = rendermime.createRenderer(WIDGET_VIEW);
      Widget.attach(live, host);
      this.tried = live;
      if (!(await mayShow(live, model, waits))) {
        this.tried = undefined;
        live.dispose();
        return undefined;
      }
      await soon(live.renderModel(model).catch(() => undefined));
      if (live.isDisposed) {
        return undefined;
      }
      const text = live.node.textContent ?? '';
      if (!/^(Error displaying widget|Loading widget)/.test(text)) {
        // The saved view stays until the code of the live one has arrived, so that nothing flashes.
        await appears(live.node, '.nbt, .nbt-loader[role=alert]');
        this.tried = undefined;
        return live.isDisposed ? undefined : live;
      }
      this.tried = undefined;
      live.dispose();
      if (text.startsWith('Error')) {
        return undefined;
      }
    }
    return undefined;
  }

  /** Tell the live view when its kernel is gone. The widget manager notices a restart by the user only. */
  private watchKernel(live: Widget): () => void {
    const session = this.above<SessionContext>('sessionContext');
    const lose = () => live.node.querySelector('.nbt')?.dispatchEvent(new CustomEvent(KERNEL_LOST, { bubbles: true }));
    const follow = (_: unknown, status: unknown) => LOST.has(status) && lose();
    session?.statusChanged.connect(follow);
    session?.kernelChanged.connect(lose);
    return () => {
      session?.statusChanged.disconnect(follow);
      session?.kernelChanged.disconnect(lose);
    };
  }

  /** Insert a cell of code below the cell that this is an output of. Returns whether there is one. */
  private insertCell(source: unknown): boolean {
    const notebook = this.above<Cells>('content');
    const index = notebook?.widgets?.findIndex((cell) => cell.node.contains(this.node)) ?? -1;
    if (!notebook?.model || index === -1 || typeof source !== 'string') {
      return false;
    }
    notebook.model.sharedModel.insertCell(index + 1, { cell_type: 'code', source, metadata: {} });
    notebook.activeCellIndex = index + 1;
    return true;
  }

  /** Return the renderers of the notebook that contains this output. */
  private rendermime(): Rendermime | undefined {
    return this.above<Rendermime>('rendermime');
  }

  /** Return a property of the nearest widget around this one that has it. */
  private above<T>(name: 'rendermime' | 'sessionContext' | 'content'): T | undefined {
    let ancestor: (Widget & Partial<Record<typeof name, T>>) | null = this.parent;
    while (ancestor && !ancestor[name]) {
      ancestor = ancestor.parent;
    }
    return ancestor?.[name];
  }
}

/**
 * Return whether the widget manager has the model of an output, or cannot be asked. Its renderer would log an error for
 * one that it does not have, which is so in every trusted notebook that is opened after its kernel has ended. Calls `waits`
 * if the answer takes until the manager has asked the kernel.
 */
async function mayShow(
  live: IRenderMime.IRenderer,
  model: IRenderMime.IMimeModel,
  waits: () => void,
): Promise<boolean> {
  const { _manager } = live as { _manager?: { promise: Promise<WidgetManager> } };
  const { model_id } = model.data[WIDGET_VIEW] as { model_id: string };
  const manager = await soon(_manager?.promise);
  if (!manager?.has_model || manager.has_model(model_id)) {
    return true;
  }
  if (!manager.restoredStatus) {
    waits();
    await soon(new Promise<void>((resolve) => manager.restored.connect(() => resolve())));
  }
  return manager.has_model(model_id) || !manager.restoredStatus;
}

/** Return what a promise resolves to, or undefined if it takes too long. */
function soon<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  return Promise.race([promise, new Promise<undefined>((resolve) => setTimeout(resolve, TIMEOUT_MS))]);
}

/** Wait until an element below `node` matches. */
function appears(node: HTMLElement, selector: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (node.querySelector(selector)) {
        observer.disconnect();
        resolve();
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(node, { childList: true, subtree: true, attributes: true, attributeFilter: ['role'] });
    look();
  });
}

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import type { Snapshot } from '../connection/snapshot';
import { mount } from '../screens/mount';
import { savedView } from './saved_view';

export const MIME = 'application/vnd.nbtrack.view+json';
const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';
const TIMEOUT_MS = 2_500;
const ATTEMPTS = 6;

interface Rendermime {
  getFactory(mimeType: string): unknown;
  createRenderer(mimeType: string): IRenderMime.IRenderer;
}

/** Shows the view that was saved with the notebook, and replaces it with the live widget if the kernel still has it. */
export class SavedViewRenderer extends Widget implements IRenderMime.IRenderer {
  private model: IRenderMime.IMimeModel | undefined;
  private end: (() => void) | undefined;

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
    this.node.replaceChildren();
  }

  private async draw(): Promise<void> {
    const model = this.model;
    if (!model || this.end) {
      return;
    }
    const saved = document.createElement('div');
    saved.className = 'nbt-saved';
    this.node.append(saved);
    const unmount = mount(saved, savedView(model.data[MIME] as unknown as Snapshot));
    this.end = unmount;
    const live = model.trusted && model.data[WIDGET_VIEW] ? await this.findLive(model) : undefined;
    if (live) {
      unmount();
      saved.remove();
      live.node.parentElement!.hidden = false;
      this.end = () => live.dispose();
    }
  }

  /** Return the widget manager's view of this output, unless it only shows that the model does not exist. */
  private async findLive(model: IRenderMime.IMimeModel): Promise<IRenderMime.IRenderer | undefined> {
    const rendermime = this.rendermime();
    for (let i = 0; i < ATTEMPTS && rendermime?.getFactory(WIDGET_VIEW) && this.isAttached; i++) {
      const live = rendermime.createRenderer(WIDGET_VIEW);
      const host = document.createElement('div');
      host.hidden = true;
      this.node.append(host);
      Widget.attach(live, host);
      await Promise.race([live.renderModel(model), new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS))]);
      const text = live.node.textContent ?? '';
      if (this.isAttached && !/^(Error displaying widget|Loading widget)/.test(text)) {
        return live;
      }
      live.dispose();
      host.remove();
      if (text.startsWith('Error')) {
        return undefined;
      }
    }
    return undefined;
  }

  /** Return the renderers of the notebook that contains this output. */
  private rendermime(): Rendermime | undefined {
    let ancestor: (Widget & { rendermime?: Rendermime }) | null = this.parent;
    while (ancestor && !ancestor.rendermime) {
      ancestor = ancestor.parent;
    }
    return ancestor?.rendermime;
  }
}

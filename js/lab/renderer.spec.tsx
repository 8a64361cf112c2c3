import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, Widget } from '@lumino/widgets';
import { runsReply } from '../testing/connection';
import { tableRow } from '../testing/rows';
import { MIME, SavedViewRenderer } from './renderer';

const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';
const answers = { runs: { payload: {}, reply: runsReply([tableRow('a')]), buffers: [] } };
const model = {
  trusted: true,
  data: { [MIME]: { view: 'comparison', options: {}, answers }, [WIDGET_VIEW]: { model_id: '1' } },
} as unknown as IRenderMime.IMimeModel;

/** The widget manager's view, which shows what a test says when the test says so. */
class FakeView extends Widget implements IRenderMime.IRenderer {
  /** Set by tests whose widget manager can be asked. */
  _manager: { promise: Promise<object> } | undefined;
  private answered = () => {};
  private readonly rendered = new Promise<void>((resolve) => {
    this.answered = resolve;
  });

  renderModel(): Promise<void> {
    return this.rendered;
  }

  answer(markup: string): void {
    this.node.innerHTML = markup;
    this.answered();
  }
}

const LIVE = '<div class="nbt">live</div>';

/** Show an output in a notebook until the end of a test. */
async function output(context: TestContext, live: (view: FakeView) => void = () => {}, manager?: object) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const [notebook, renderer, view] = [new Panel(), new SavedViewRenderer(), new FakeView()];
  view._manager = manager && { promise: Promise.resolve(manager) };
  const rendermime = { getFactory: () => ({}), createRenderer: () => view };
  Object.assign(notebook, { rendermime });
  Widget.attach(notebook, document.body);
  context.after(() => notebook.dispose());
  await renderer.renderModel(model);
  notebook.addWidget(renderer);
  live(view);
  await settled();
  const saved = () => renderer.node.querySelector('.nbt-saved .nbt-comparison');
  return { notebook, view, saved, tick: (ms: number) => context.mock.timers.tick(ms) };
}

/** Let everything happen that waits for no timer. */
const settled = async () => {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
};

test('a live view that appears at once is the only one that is drawn', async (context) => {
  const { view, saved, tick } = await output(context, (view) => view.answer(LIVE));
  assert.equal(saved(), null);
  assert.equal(view.node.parentElement!.style.visibility, '');
  tick(10_000);
  await settled();
  assert.equal(saved(), null);
});

test('until the live view appears, the saved one is shown', async (context) => {
  const { view, saved, tick } = await output(context);
  assert.equal(saved(), null);
  tick(200);
  assert.ok(saved());
  assert.equal(view.node.parentElement!.hidden, true);
  view.answer(LIVE);
  await settled();
  assert.equal(saved(), null);
  assert.equal(view.node.parentElement!.hidden, false);
});

test('if the kernel does not have the widget, the saved view is shown at once', async (context) => {
  const { saved } = await output(context, (view) => view.answer('Error displaying widget: model not found'));
  assert.ok(saved());
});

test('an output that is removed while its widget is looked for draws nothing', async (context) => {
  const { notebook, saved, tick } = await output(context);
  Widget.detach(notebook);
  tick(10_000);
  await settled();
  assert.equal(saved(), null);
});

test('a widget that the manager does not have is not asked of its renderer, which would log an error', async (context) => {
  const rendered = context.mock.method(FakeView.prototype, 'renderModel');
  const signal = { connect: (listener: () => void) => listeners.push(listener) };
  const listeners: (() => void)[] = [];
  const manager = { has_model: () => false, restoredStatus: false, restored: signal };
  const { saved } = await output(context, undefined, manager);
  assert.ok(saved(), 'The manager is still asking the kernel.');
  manager.restoredStatus = true;
  for (const listener of listeners) {
    listener();
  }
  await settled();
  assert.ok(saved());
  assert.equal(rendered.mock.callCount(), 0);
});

test('a widget that the manager gets from the kernel is shown', async (context) => {
  const manager = { has_model: () => true, restoredStatus: false };
  const { view, saved } = await output(context, undefined, manager);
  view.answer(LIVE);
  await settled();
  assert.equal(saved(), null);
  assert.equal(view.node.parentElement!.style.visibility, '');
});

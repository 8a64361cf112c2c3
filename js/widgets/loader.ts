import type { AnyModel, RenderProps } from '@anywidget/types';
import type { Snapshot } from '../connection/snapshot';
import { Chunks, type CodeState, type Manifest } from './chunks';
import { adopt } from './stylesheet';

/** Written by js/build.mjs. */
declare const MANIFEST: Manifest;

type State = CodeState & { _snapshot: Snapshot };
type View = { default: { render(props: RenderProps<never>): () => void } };

const BUSY_AFTER_MS = 3_000;
/** Code usually arrives sooner, and then nothing flashes. */
const NOTE_AFTER_MS = 150;

/**
 * The anywidget module that travels with every widget. It loads the code of the widget's screen, which the page keeps
 * for all widgets of this version.
 */
export default {
  initialize({ model, signal }: { model: AnyModel<State>; signal: AbortSignal }) {
    Chunks.of(MANIFEST).connect(model as never, signal ?? new AbortController().signal);
  },
  render({ model, el, signal, ...rest }: RenderProps<State>) {
    const ended = new AbortController();
    signal?.addEventListener('abort', () => ended.abort());
    const show = async (): Promise<void> => {
      const note = waiting(el, ended.signal);
      try {
        const chunks = Chunks.of(MANIFEST);
        const loaded = chunks.screen<View>(model.get('_snapshot').view);
        const [{ default: view }, sheet] = await Promise.all([loaded, chunks.style()]);
        note.remove();
        if (!ended.signal.aborted) {
          adopt(sheet, el, ended.signal);
          const end = view.render({ model, el, signal: ended.signal, ...rest } as never);
          ended.signal.addEventListener('abort', end);
        }
      } catch (cause) {
        note.remove();
        if (!ended.signal.aborted) {
          failed(el, cause instanceof Error ? cause.message : String(cause), () => void show());
        }
      }
    };
    void show();
    return () => ended.abort();
  },
};

/** Show that code is loading, if that takes a moment. The stylesheet is part of what is loading. */
function waiting(el: HTMLElement, ended: AbortSignal): { remove(): void } {
  const box = note('Loading the view…');
  box.setAttribute('role', 'status');
  box.style.visibility = 'hidden';
  el.append(box);
  const timers = [
    setTimeout(() => {
      box.style.visibility = 'visible';
    }, NOTE_AFTER_MS),
    setTimeout(() => {
      box.textContent = 'Waiting for the kernel, which may be running a cell. The view appears as soon as it answers.';
    }, BUSY_AFTER_MS),
  ];
  const remove = () => {
    timers.forEach(clearTimeout);
    box.remove();
  };
  ended.addEventListener('abort', remove);
  return { remove };
}

function failed(el: HTMLElement, message: string, retry: () => void): void {
  const box = note(message);
  box.setAttribute('role', 'alert');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Try again';
  button.style.marginLeft = '8px';
  button.addEventListener('click', () => {
    box.remove();
    retry();
  });
  box.append(button);
  el.append(box);
}

function note(text: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'nbt-loader';
  box.textContent = text;
  box.style.cssText =
    'padding: 12px 4px; font: 13px var(--jp-ui-font-family, system-ui, sans-serif); color: var(--jp-ui-font-color1, inherit);';
  return box;
}

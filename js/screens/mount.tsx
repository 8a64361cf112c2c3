import { type ComponentChild, render } from 'preact';

/** Draws into `el` under the class that the stylesheet hangs on. Returns how to take it away again. */
export function mount(el: HTMLElement, content: ComponentChild): () => void {
  const root = document.createElement('div');
  root.className = 'nbt';
  // Keys pressed in a field are the field's: JupyterLab would take them for notebook commands.
  root.dataset.lmSuppressShortcuts = 'true';
  el.append(root);
  render(content, root);
  return () => {
    render(null, root);
    root.remove();
  };
}

import { type ComponentChild, render } from 'preact';

/** Render into `el`, inside an element with the class of the stylesheet. Returns a function that removes it. */
export function mount(el: HTMLElement, content: ComponentChild): () => void {
  const root = document.createElement('div');
  root.className = 'nbt';
  // Otherwise, JupyterLab would take keys that are typed into a field for notebook commands.
  root.dataset.lmSuppressShortcuts = 'true';
  el.append(root);
  render(content, root);
  return () => {
    render(null, root);
    root.remove();
  };
}

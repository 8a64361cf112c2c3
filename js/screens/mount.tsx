import { type ComponentChild, render } from 'preact';
import { followTheme } from '../style/theme';

/** Render into `el`, inside an element with the class of the stylesheet. Returns a function that removes it. */
export function mount(el: HTMLElement, content: ComponentChild): () => void {
  const root = document.createElement('div');
  root.className = 'nbt';
  // Otherwise, JupyterLab would take keys that are typed into a field for notebook commands.
  root.dataset.lmSuppressShortcuts = 'true';
  el.append(root);
  // Before the content is rendered, so that charts that redraw with the theme find the new colors.
  const unfollow = followTheme(root);
  render(content, root);
  return () => {
    unfollow();
    render(null, root);
    root.remove();
  };
}

/** Call `changed` whenever the page turns light or dark. Returns a function that ends this. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributeFilter: ['class', 'data-jp-theme-light', 'data-jp-theme-name', 'theme'] });
  }
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    dark.removeEventListener('change', changed);
  };
}

/** Resolve a CSS color expression at an element, because a canvas cannot read CSS variables. */
export function resolveColor(element: Element, expression: string): string {
  const probe = document.createElement('span');
  probe.style.color = expression;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

export const COLORS = 8;
const DASHES = [[], [6, 4], [2, 3], [9, 3, 2, 3]];

/** Return the color and the dash of the n-th line. After the last color, they repeat with another dash. */
export function lineStyle(slot: number): { color: string; dash: number[] } {
  return { color: `var(--nbt-c${slot % COLORS})`, dash: DASHES[Math.floor(slot / COLORS) % DASHES.length]! };
}

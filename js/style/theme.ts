/** Calls `changed` when the page turns light or dark. Returns how to stop. */
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

/** What a CSS colour expression is where `element` stands; a canvas cannot read variables by itself. */
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

/** Colour and dash of the n-th line. Past the last colour they come again with another dash. */
export function lineStyle(slot: number): { color: string; dash: number[] } {
  return { color: `var(--nbt-c${slot % COLORS})`, dash: DASHES[Math.floor(slot / COLORS) % DASHES.length]! };
}

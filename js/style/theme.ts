type Scheme = 'light' | 'dark';

/** Attributes of the page's root or body by which a host says whether it is light or dark. */
const ATTRIBUTES = ['class', 'theme', 'data-theme', 'data-jp-theme-light', 'data-jp-theme-name'];

/** Return whether the page is light or dark, or null if it does not say so and the system decides. */
export function pageScheme(): Scheme | null {
  const pages = [document.body, document.documentElement];
  const jupyter = document.body.dataset.jpThemeLight;
  if (jupyter) {
    return jupyter === 'true' ? 'light' : 'dark';
  }
  const named = (scheme: Scheme) =>
    pages.some(
      (page) =>
        page.classList.contains(`vscode-${scheme}`) ||
        page.classList.contains(scheme) ||
        page.getAttribute('theme') === scheme ||
        page.dataset.theme === scheme,
    );
  if (named('dark')) {
    return 'dark';
  }
  if (named('light')) {
    return 'light';
  }
  const computed = getComputedStyle(document.body).colorScheme;
  return computed === 'light' || computed === 'dark' ? computed : null;
}

/**
 * Give an element the scheme of the page, and change it with the page. A selector could not do this for an element in a
 * shadow root, where marimo shows widgets. Returns a function that ends this.
 */
export function followTheme(element: HTMLElement): () => void {
  const apply = () => {
    element.style.colorScheme = pageScheme() ?? '';
  };
  apply();
  return watchTheme(apply);
}

/** Call `changed` whenever the page turns light or dark. Returns a function that ends this. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributeFilter: ATTRIBUTES });
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
/** The dashes of lines. The first one is solid. */
export const DASHES = [[], [6, 4], [2, 3], [9, 3, 2, 3]];

/** The line style of runs that do not have a value of what gives runs their style. */
export const NO_VALUE = -1;
/** The line style of the run or group that the others are compared with. */
export const BASELINE = -100;
/** The number of colors on the scale for many numbers. */
export const SCALE_STEPS = 12;

/** Return the line style of a step of the scale. Those of lines that are counted are positive. */
export function scaleSlot(step: number): number {
  return NO_VALUE - 1 - step;
}

/** Return the color and the dash of the n-th line. After the last color, they repeat with another dash. */
export function lineStyle(slot: number, dash?: number): { color: string; dash: number[] } {
  if (slot === BASELINE) {
    return { color: 'var(--nbt-text)', dash: DASHES[(dash ?? 0) % DASHES.length]! };
  }
  if (slot < 0) {
    const color = slot === NO_VALUE ? 'var(--nbt-no-value)' : `var(--nbt-s${scaleSlot(slot)})`;
    return { color, dash: DASHES[(dash ?? 0) % DASHES.length]! };
  }
  const place = dash ?? Math.floor(slot / COLORS);
  return { color: `var(--nbt-c${slot % COLORS})`, dash: DASHES[place % DASHES.length]! };
}

import { useEffect, useMemo } from 'preact/hooks';

/**
 * Give the focus back to what had it before the component, once the component is gone and if nothing else has the
 * focus by then. If that element is gone too, the nearest element around it that can have the focus gets it.
 */
export function useReturnedFocus(): void {
  const before = useMemo(focusedAndAround, []);
  useEffect(
    () => () =>
      // The elements of the component are removed after this call.
      queueMicrotask(() => {
        const now = focusedAndAround()[0];
        if (!now || now === document.body) {
          before.find((element) => element.isConnected)?.focus();
        }
      }),
    [],
  );
}

/** Return the element that has the focus, also if it is in a shadow root, and those around it that can have it. */
function focusedAndAround(): HTMLElement[] {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) {
    focused = focused.shadowRoot.activeElement;
  }
  const found: HTMLElement[] = [];
  for (let element = focused; element; element = element.parentElement?.closest('[tabindex]') ?? null) {
    found.push(element as HTMLElement);
  }
  return found;
}

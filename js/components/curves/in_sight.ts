import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** How far from the visible part of the page an element counts as in sight, in px. */
const NEAR = 200;

/** Return whether an element is in sight, or about to be. `initially` is the answer before the browser has looked. */
export function useInSight(element: RefObject<Element | null>, initially: boolean): Signal<boolean> {
  const inSight = useSignal(initially);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        inSight.value = entries.at(-1)!.isIntersecting;
      },
      // A notebook scrolls inside the page, and a root margin is about the page only.
      { rootMargin: `${NEAR}px`, scrollMargin: `${NEAR}px` } as IntersectionObserverInit,
    );
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return inSight;
}

import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';

/** How far the pointer moves before it drags, in px. */
const SLOP = 5;

/** Where a chart that is being dragged comes from, and where it would be put. */
export interface Target {
  from: number;
  to: number;
}

/** Moves the children of a grid by dragging. */
export function usePlaces(
  grid: RefObject<HTMLElement | null>,
  move: (from: number, to: number, keepFocus: boolean) => void,
): { target: Signal<Target | null>; drag: (event: PointerEvent, from: number) => void } {
  const target = useSignal<Target | null>(null);
  const drag = (start: PointerEvent, from: number) => {
    if (start.button !== 0) {
      return;
    }
    const ended = new AbortController();
    const { signal } = ended;
    const end = () => {
      ended.abort();
      target.value = null;
    };
    const onMove = (event: PointerEvent) => {
      const distance = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
      if (target.peek() || distance > SLOP) {
        target.value = { from, to: placeAt(grid.current, event.clientX, event.clientY) ?? target.peek()?.to ?? from };
      }
    };
    const onUp = () => {
      const to = target.peek()?.to ?? from;
      end();
      move(from, to, true);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') {
        event.preventDefault();
        event.stopPropagation();
        end();
      }
    };
    document.addEventListener('pointermove', onMove, { signal });
    document.addEventListener('pointerup', onUp, { signal });
    document.addEventListener('pointercancel', end, { signal });
    document.addEventListener('keydown', onKey, { signal, capture: true });
  };
  return { target, drag };
}

/** Return the position of the child that is at a point of the page. */
function placeAt(grid: HTMLElement | null, x: number, y: number): number | null {
  const at = [...(grid?.children ?? [])].findIndex((child) => {
    const { left, right, top, bottom } = child.getBoundingClientRect();
    return left <= x && x <= right && top <= y && y <= bottom;
  });
  return at === -1 ? null : at;
}

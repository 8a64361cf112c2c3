import type { Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';

export interface Size {
  /** In twelfths of the grid. */
  width: number;
  /** Of the plot, in px. */
  height: number;
}

const LEAST_WIDTH = 2;
const MOST_WIDTH = 12;
const LEAST_HEIGHT = 120;
const MOST_HEIGHT = 2000;
/** By how many px a key changes the height. */
const STEP = 20;

interface Props {
  label: string;
  size: Size;
  /** The size while the pointer is down. */
  resized: Signal<Size | null>;
  change: (size: Size) => void;
}

/** The corner of a chart: dragging it, or the arrow keys, change the size. */
export function ResizeHandle({ label, size, resized, change }: Props) {
  const handle = useRef<HTMLButtonElement>(null);
  const onPointerDown = (start: PointerEvent) => {
    const panel = handle.current?.closest<HTMLElement>('.nbt-curve-panel');
    const column = (panel?.parentElement?.clientWidth ?? 0) / MOST_WIDTH;
    if (start.button !== 0 || !panel || column === 0) {
      return;
    }
    start.preventDefault();
    handle.current?.focus();
    const ended = new AbortController();
    const { signal } = ended;
    const width = panel.offsetWidth;
    const move = (event: PointerEvent) => {
      resized.value = bounded({
        width: Math.round((width + event.clientX - start.clientX) / column),
        height: size.height + event.clientY - start.clientY,
      });
    };
    const up = () => {
      ended.abort();
      const last = resized.peek();
      resized.value = null;
      if (last) {
        change(last);
      }
    };
    document.addEventListener('pointermove', move, { signal });
    document.addEventListener('pointerup', up, { signal });
    document.addEventListener('pointercancel', up, { signal });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    };
    const [width, height] = by[event.key] ?? [0, 0];
    if (width !== 0 || height !== 0) {
      event.preventDefault();
      event.stopPropagation();
      change(bounded({ width: size.width + width, height: size.height + height }));
    }
  };
  return (
    <button
      type="button"
      ref={handle}
      class="nbt-curve-resize"
      aria-label={label}
      title="Drag to resize. The arrow keys resize it too."
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  );
}

function bounded({ width, height }: Size): Size {
  return {
    width: Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, width)),
    height: Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, Math.round(height))),
  };
}

import { valueAt } from './layers';
import type { Range, Scale } from './scales';

/** What a key does in a chart. */
export type Action =
  | { kind: 'zoom'; range: Range | null }
  /** Move the cursor by points of the line, or to its first or last point. */
  | { kind: 'point'; by: number }
  /** Move the cursor to the line above or below. */
  | { kind: 'line'; by: number };

/**
 * Return what a key does: + and − zoom, Shift with ← and → pans, Escape and 0 show everything; ← and → move the cursor along
 * a line, ↑ and ↓ from line to line. Null for other keys.
 */
export function actionOf(key: string, isShift: boolean, scale: Scale, canZoom: boolean): Action | null {
  const part = (from: number, to: number): Range => [valueAt(scale, from), valueAt(scale, to)];
  if (canZoom) {
    switch (key) {
      case 'Escape':
      case '0':
        return { kind: 'zoom', range: null };
      case '+':
      case '=':
        return { kind: 'zoom', range: part(0.25, 0.75) };
      case '-':
        return { kind: 'zoom', range: part(-0.5, 1.5) };
    }
    if (isShift && (key === 'ArrowLeft' || key === 'ArrowRight')) {
      return { kind: 'zoom', range: key === 'ArrowLeft' ? part(-0.2, 0.8) : part(0.2, 1.2) };
    }
  }
  switch (key) {
    case 'ArrowLeft':
      return { kind: 'point', by: -1 };
    case 'ArrowRight':
      return { kind: 'point', by: 1 };
    case 'Home':
      return { kind: 'point', by: -Infinity };
    case 'End':
      return { kind: 'point', by: Infinity };
    case 'ArrowUp':
      return { kind: 'line', by: 1 };
    case 'ArrowDown':
      return { kind: 'line', by: -1 };
    default:
      return null;
  }
}

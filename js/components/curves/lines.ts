import type { Line } from '../../chart/layers';
import { type Curve, spliced } from '../../data/series';
import { smooth } from '../../logic/smoothing';

/** A line without what identifies its run. */
type Drawn = Omit<Line, 'id' | 'label' | 'slot'>;

/** Lines of curves, which are computed once for each curve, window and weight. */
export class LineMemory {
  private readonly lines = new WeakMap<Curve, { part: Curve | null; weight: number; line: Drawn }>();

  line(whole: Curve, part: Curve | null, weight: number): Drawn {
    const known = this.lines.get(whole);
    if (known && known.part === part && known.weight === weight) {
      return known.line;
    }
    const line = lineOf(whole, part, weight);
    this.lines.set(whole, { part, weight, line });
    return line;
  }
}

/** A smoothed line is computed from the whole series, so that it does not depend on the window. */
export function lineOf(whole: Curve, part: Curve | null, weight: number): Drawn {
  const { x, y, low, high, count, width } = spliced(whole, part);
  const band = low && high ? { x, low, high } : null;
  if (weight === 0) {
    return { x, y, band, width, count };
  }
  return { x: whole.x, y: smooth(whole.x, whole.y, weight, whole.total), raw: { x, y }, band, width: whole.width };
}

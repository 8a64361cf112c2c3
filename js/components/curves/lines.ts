import { differenceFrom } from '../../chart/difference';
import type { Line } from '../../chart/layers';
import { type Curve, spliced } from '../../data/series';
import { smooth } from '../../logic/smoothing';

/** What identifies a line. */
type Named = Pick<Line, 'id' | 'mark' | 'label' | 'slot' | 'dash' | 'faint' | 'counted'>;
/** A line without that. */
type Drawn = Omit<Line, keyof Named>;

/** Lines of curves, which are computed once for each curve, window and weight, so that the same lines are equal objects. */
export class LineMemory {
  private readonly lines = new WeakMap<Curve, { part: Curve | null; weight: number; band: boolean; line: Line }>();

  private readonly differences = new WeakMap<Line, { reference: Line; difference: Line }>();

  /** Return a line as its difference from another one. */
  difference(line: Line, reference: Line, better: Line['better']): Line {
    const known = this.differences.get(line);
    if (known && known.reference === reference && known.difference.better === better) {
      return known.difference;
    }
    const difference = differenceFrom(line, reference, better);
    this.differences.set(line, { reference, difference });
    return difference;
  }

  line(named: Named, whole: Curve, part: Curve | null, weight: number, band: boolean): Line {
    const known = this.lines.get(whole);
    if (!known || known.part !== part || known.weight !== weight || known.band !== band) {
      const line = { ...lineOf(whole, part, weight, band), ...named };
      this.lines.set(whole, { part, weight, band, line });
      return line;
    }
    if (!isNamed(known.line, named)) {
      known.line = { ...known.line, ...named };
    }
    return known.line;
  }
}

function isNamed(line: Line, named: Named): boolean {
  const names = ['id', 'mark', 'label', 'slot', 'dash', 'faint', 'counted'] as const;
  return names.every((name) => line[name] === named[name]);
}

/** A smoothed line is computed from the whole series, so that it does not depend on the window. */
export function lineOf(whole: Curve, part: Curve | null, weight: number, hasBand = true): Drawn {
  const { x, y, low, high, count, width } = spliced(whole, part);
  const band = hasBand && low && high ? { x, low, high } : null;
  const odd = (part ?? whole).odd;
  if (weight === 0) {
    return { x, y, band, width, count, odd };
  }
  const smoothed = smooth(whole.x, whole.y, weight, whole.total);
  return { x: whole.x, y: smoothed, raw: { x, y }, band, width: whole.width, odd };
}

import type { Number as Value } from '../contract';
import type { Curve } from './series';

/** What the panels of a run show. A curve that has not changed is the same object. */
export interface PanelData {
  /** The curves by metric. */
  curves: ReadonlyMap<string, Curve>;
  /** The last value of each metric. */
  values: Readonly<Record<string, Value>>;
  /** The best run so far, which is drawn too. */
  best: { name: string; curves: ReadonlyMap<string, Curve> } | null;
  /** The steps of each metric at which something was reported. */
  marks: ReadonlyMap<string, readonly number[]>;
}

import type { PanelKind, PanelView } from '../../contract';
import { Select } from '../fields/fields';

const KINDS: readonly (readonly [PanelKind, string])[] = [
  ['curves', 'Curves'],
  ['bars', 'Bars'],
];

/** Chooses whether a chart shows curves or bars. */
export function KindField({ kind, change }: { kind: PanelKind; change: (fields: Partial<PanelView>) => void }) {
  return (
    <Select
      label="Show as"
      class="nbt-kind-field"
      value={kind}
      options={KINDS}
      change={(value) => change({ kind: value })}
    />
  );
}

import { type Signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import { formatNumber, plural } from '../../logic/format';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';

/** How many runs are named at first. */
const FIRST = 10;

interface Props {
  lines: readonly Line[];
  /** The ID of the run under the pointer, in the chart or here. */
  hovered: Signal<string | null>;
  /** Whether a run is known not to match the filter of the table. */
  isOutside: (run_id: string) => boolean;
}

/** The runs of a chart, with the last value that is drawn of each, the highest first. */
export function Legend({ lines, hovered, isOutside }: Props) {
  const pointed = hovered.value;
  const all = useSignal(false);
  const sorted = useMemo(() => {
    const entries = lines.map((line) => ({ line, last: lastOf(line.y) }));
    return entries.sort((a, b) => (Number.isNaN(a.last) ? 1 : Number.isNaN(b.last) ? -1 : b.last - a.last));
  }, [lines]);
  const shown = all.value ? sorted : sorted.slice(0, FIRST);
  // The run under the pointer has its name here even if there is no room for all. Its place is kept, so that nothing moves.
  const other = sorted.find(({ line }) => line.id === pointed && !shown.some((entry) => entry.line === line));
  return (
    <div class="nbt-curve-legend">
      <ul aria-label="Runs in the chart">
        {[...shown, ...(other ? [other] : [])].map(({ line, last }) => (
          <li
            key={line.id}
            class={line.id === pointed ? 'nbt-hovered' : ''}
            title={line.label}
            onPointerEnter={() => (hovered.value = line.id)}
            onPointerLeave={() => (hovered.value = null)}
          >
            <Swatch slot={line.slot} />
            <span class="nbt-run-name">
              <Name text={line.label} />
            </span>
            <span class="nbt-curve-value">{formatNumber(last)}</span>
            {isOutside(line.id) && <span class="nbt-muted">not in the table</span>}
          </li>
        ))}
        {!all.value && sorted.length > FIRST && !other && <li aria-hidden="true">&nbsp;</li>}
      </ul>
      {sorted.length > FIRST && (
        <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? `Name only the ${FIRST} highest` : `Name all ${plural(sorted.length, 'run')}`}
        </button>
      )}
    </div>
  );
}

function lastOf(values: Float64Array): number {
  for (let i = values.length - 1; i >= 0; i--) {
    if (Number.isFinite(values[i]!)) {
      return values[i]!;
    }
  }
  return NaN;
}

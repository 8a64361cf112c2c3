import { type Signal, useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import { formatNumber, plural } from '../../logic/format';
import { LineStyle } from '../line_style/line_style';
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
  /** Gives a run another color and dash. */
  style: (run_id: string, slot: number) => void;
}

/** The runs of a chart, with the last value that is drawn of each, the highest first. */
export function Legend({ lines, hovered, isOutside, style }: Props) {
  const pointed = hovered.value;
  const all = useSignal(false);
  /** The ID of the run whose color is being chosen. */
  const styled = useSignal<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const sorted = useMemo(() => {
    const entries = lines.map((line) => ({ line, last: lastOf(line.y) }));
    return entries.sort((a, b) => (Number.isNaN(a.last) ? 1 : Number.isNaN(b.last) ? -1 : b.last - a.last));
  }, [lines]);
  const shown = all.value ? sorted : sorted.slice(0, FIRST);
  // The run under the pointer has its name here even if there is no room for all. Its place is kept, so that nothing moves.
  const other = sorted.find(({ line }) => line.id === pointed && !shown.some((entry) => entry.line === line));
  const changed = lines.find((line) => line.id === styled.value);
  const close = (back: boolean) => {
    if (back) {
      list.current?.querySelector<HTMLElement>('.nbt-style-button[aria-expanded="true"]')?.focus();
    }
    styled.value = null;
  };
  return (
    <div class="nbt-curve-legend">
      {changed && (
        <LineStyle
          key={changed.id}
          label={changed.label}
          slot={changed.slot}
          change={(slot) => style(changed.id, slot)}
          close={close}
        />
      )}
      <ul aria-label="Runs in the chart" ref={list}>
        {[...shown, ...(other ? [other] : [])].map(({ line, last }) => (
          <li
            key={line.id}
            class={line.id === pointed ? 'nbt-hovered' : ''}
            title={line.label}
            onPointerEnter={() => (hovered.value = line.id)}
            onPointerLeave={() => (hovered.value = null)}
          >
            <button
              type="button"
              class="nbt-style-button"
              aria-label={`Line of ${line.label}`}
              aria-haspopup="dialog"
              aria-expanded={line.id === styled.value}
              onClick={() => (styled.value = line.id === styled.peek() ? null : line.id)}
            >
              <Swatch slot={line.slot} />
            </button>
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

import { lineStyle } from '../../style/theme';

/** A sample of the line that the chart draws for a run. Empty if the run is not drawn. Null stands for any color. */
export function Swatch({ slot, dash: place }: { slot: number | null | undefined; dash?: number }) {
  if (slot === undefined) {
    return <span class="nbt-swatch" aria-hidden="true" />;
  }
  const { color, dash } = lineStyle(slot ?? 0, place);
  return (
    <svg class="nbt-swatch" viewBox="0 0 20 8" aria-hidden="true">
      <line
        x1="1"
        x2="19"
        y1="4"
        y2="4"
        style={{ stroke: slot === null ? 'currentColor' : color }}
        stroke-width="3"
        stroke-dasharray={dash.join(' ')}
      />
    </svg>
  );
}

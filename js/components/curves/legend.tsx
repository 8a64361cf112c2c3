import { type ReadonlySignal, type Signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { isBaseline, type Line, lastValues, markOf, type Valued, valuesAt } from '../../chart/layers';
import type { Cursor } from '../../chart/plot';
import type { Range } from '../../data/curves';
import { formatNumber, plural } from '../../logic/format';
import { commonParts } from '../../logic/shorten';
import { LineStyle } from '../line_style/line_style';
import { StyleButton, useStyledLine } from '../line_style/style_button';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';
import { Difference } from '../value/value';

interface Props {
  lines: readonly Line[];
  /** The window of the x axis that is shown, or null for all of it. */
  range: Range | null;
  /** Where the cursor of the chart is. */
  cursor: ReadonlySignal<Cursor | null>;
  /** The ID of the run under the pointer, in a chart, in the table or here. */
  marked: Signal<string | null>;
  /** How many lines are named at first. */
  most: number;
  /** The name of the baseline, if the lines are differences from it. */
  from: string | undefined;
  /** The metrics, if there are several. Each has its own dash. */
  metrics: readonly string[];
  /** Whether the lowest values come first, because lower is better for all of the metrics. */
  lowestFirst: boolean;
  /** Whether a run is known not to match the filter of the table. */
  isOutside: (run_id: string) => boolean;
  /** Gives a run another color and dash, or with null the default. */
  style: (run_id: string, slot: number | null) => void;
  /** Whether a color and a dash were chosen for a run. */
  isStyled: (run_id: string) => boolean;
}

/**
 * The lines of a chart with their values at the cursor, or their last values, the best first. It is below the chart, so
 * that it covers no curve, and has the same size wherever the cursor is.
 */
export function Legend(props: Props) {
  const { lines, range, cursor, marked, most, from, metrics, lowestFirst, isOutside, style, isStyled } = props;
  const all = useSignal(false);
  const styled = useStyledLine();
  const at = cursor.value;
  const last = useMemo(() => lastValues(lines, range, lowestFirst), [lines, range, lowestFirst]);
  const common = useMemo(() => commonParts(lines.map(nameOf)), [lines]);
  const sorted = at ? valuesAt(lines, at.x, lowestFirst) : last;
  const nearest = at && at.id !== null ? sorted.findIndex(({ line }) => line.id === at.id) : -1;
  const mark = marked.value;
  const place = nearest === -1 && mark !== null ? sorted.findIndex(({ line }) => markOf(line) === mark) : nearest;
  // The line that the others are compared with comes first, whatever its value.
  const baselines = sorted.filter(({ line }) => isBaseline(line));
  const others = baselines.length === 0 ? sorted : sorted.filter(({ line }) => !isBaseline(line));
  const shown = [...baselines, ...(all.value ? others : windowOf(others, others.indexOf(sorted[place]!), most))];
  const changed = lines.find((line) => markOf(line) === styled.id.value);
  const areGroups = sorted.every(({ line }) => line.counted === 'run');
  const hasGroups = lines.some(({ counted }) => counted === 'run');
  return (
    <div class="nbt-curve-legend">
      {metrics.length > 0 && (
        <ul class="nbt-curve-metrics" aria-label="Metrics in the chart">
          {metrics.map((key, i) => (
            <li key={key} title={key}>
              <Swatch slot={null} dash={i} />
              <Name text={key} />
            </li>
          ))}
        </ul>
      )}
      <p class="nbt-curve-at">
        {at
          ? at.at
          : `Last ${from === undefined ? 'values' : 'differences'}${range ? ' in the window' : ''}, ${lowestFirst ? 'lowest' : 'highest'} first`}
        {from !== undefined && ` · difference from ${from}`}
        {nearest >= 0 && (
          <>
            <span class="nbt-muted">
              {' '}
              · nearest is {nearest + 1} of {sorted.length}
            </span>
            {at?.range && <span class="nbt-muted"> · {at.range}</span>}
          </>
        )}
      </p>
      {changed && (
        <LineStyle
          key={changed.id}
          label={changed.label}
          slot={changed.slot}
          change={(slot) => style(markOf(changed), slot)}
          reset={isStyled(markOf(changed)) ? () => style(markOf(changed), null) : undefined}
          close={styled.close}
        />
      )}
      <ul aria-label="Runs in the chart" ref={styled.list} class="nbt-curve-runs">
        {shown.map(({ line, value }) => (
          <li
            key={line.id}
            class={`${markOf(line) === mark ? 'nbt-hovered' : ''} ${line.id === at?.id ? 'nbt-nearest' : ''}`}
            title={line.label}
            onPointerEnter={() => (marked.value = markOf(line))}
            onPointerLeave={() => (marked.value = null)}
          >
            {isBaseline(line) ? (
              <Swatch slot={line.slot} dash={line.dash} />
            ) : (
              <StyleButton styled={styled} id={markOf(line)} label={line.label} slot={line.slot} dash={line.dash} />
            )}
            <span class="nbt-run-name">
              <Name
                text={line.label}
                common={{ ...common, prefix: line.label.slice(0, -nameOf(line).length || undefined) + common.prefix }}
              />
            </span>
            <span class="nbt-curve-value">
              {Number.isNaN(value) ? (
                ''
              ) : line.better ? (
                <Difference difference={value} lowerIsBetter={line.better === 'lower'} />
              ) : (
                formatNumber(value)
              )}
            </span>
            {isOutside(markOf(line)) && <span class="nbt-muted">not in the table</span>}
          </li>
        ))}
      </ul>
      {others.length > most && (
        <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value
            ? `Name only ${most}`
            : `Name all ${plural(sorted.length, metrics.length > 0 ? 'curve' : areGroups ? 'group' : hasGroups ? 'line' : 'run')}`}
        </button>
      )}
    </div>
  );
}

/** Return the label of a line without the word that marks the baseline. */
function nameOf(line: Line): string {
  return isBaseline(line) ? line.label.replace(/^baseline: /, '') : line.label;
}

/** Return the first items, or those around a place that is not among them. */
function windowOf(sorted: readonly Valued[], place: number, most: number): readonly Valued[] {
  if (place < most) {
    return sorted.slice(0, most);
  }
  const start = Math.min(place - Math.floor(most / 2), sorted.length - most);
  return sorted.slice(start, start + most);
}

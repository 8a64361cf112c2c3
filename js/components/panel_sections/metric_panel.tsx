import type { ReadonlySignal, Signal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import type { Panel, PanelsView } from '../../contract';
import type { Range } from '../../data/curves';
import type { PanelData } from '../../data/panel_data';
import { exactNumber, formatNumber, grouped, plural } from '../../logic/format';
import { Chart } from '../chart/chart';
import { useInSight } from '../curves/in_sight';
import { LineMemory } from '../curves/lines';
import { memo } from '../memo';
import { Swatch } from '../swatch/swatch';

const HEIGHT = 190;
/** The dash of the best run's lines, by its position in the dashes. */
const DASH = 1;

interface Props {
  panel: Panel;
  data: ReadonlySignal<PanelData>;
  view: ReadonlySignal<PanelsView>;
  /** The weight of the smoothing while the slider is moved. */
  weight: ReadonlySignal<number>;
  /** The part of the x axis that all panels show, or null for all of it. */
  range: Signal<Range | null>;
  /** Panels of the same group share their cursor. */
  group: string;
  /** A common prefix of the metrics, which the legend leaves out. */
  omit?: string;
}

interface Drawn {
  lines: readonly Line[];
  marks: readonly number[];
  odd: { nan: number; infinite: number };
  points: number;
  total: number;
  /** The name of the best run, if it has one of the metrics. */
  best: string | null;
}

/** The curves of related metrics, with the last value of each. It is drawn only while it is in sight. */
export const MetricPanel = memo(({ panel, data, view, weight, range, group, omit = '' }: Props) => {
  const { title, keys } = panel;
  const figure = useRef<HTMLElement>(null);
  const inSight = useInSight(figure, false);
  const memory = useMemo(() => new LineMemory(), []);
  const drawn = useRef<Drawn | null>(null);
  const values = useRef<PanelData['values']>({});
  if (inSight.value) {
    drawn.current = drawnOf(keys, data.value, memory, weight.value, view.value.best, drawn.current);
    values.current = data.value.values;
  }
  const shown = drawn.current;
  return (
    <figure class="nbt-panel" data-panel={title} ref={figure}>
      <figcaption class="nbt-panel-title" title={title}>
        {title}
      </figcaption>
      {shown ? (
        <Chart
          lines={shown.lines}
          marks={shown.marks}
          label={`${title}: ${keys.join(', ')} by step`}
          xAxis="step"
          log={view.value.log}
          height={HEIGHT}
          range={range.value}
          zoom={(next) => (range.value = next)}
          group={group}
          odd={shown.odd}
        />
      ) : (
        <div style={{ height: `${HEIGHT}px` }} />
      )}
      <ul class="nbt-legend">
        {keys.map((key, slot) => (
          <li key={key} data-key={key}>
            <Swatch slot={slot} />
            <span class="nbt-legend-key" title={key}>
              {key.slice(omit.length)}
            </span>
            <span class="nbt-legend-value" title={exactNumber(values.current[key])}>
              {formatNumber(values.current[key])}
            </span>
          </li>
        ))}
        {shown?.best != null && (
          <li class="nbt-legend-best">
            <Swatch slot={null} dash={DASH} />
            <span class="nbt-legend-key" title={`The best run so far: ${shown.best}`}>
              best so far: {shown.best}
            </span>
          </li>
        )}
      </ul>
      {shown && range.value && shown.points < shown.total && (
        <p class="nbt-chart-notes">
          Drawn: {grouped(shown.points)} of {plural(shown.total, 'point')}, the lowest and the highest among them.
        </p>
      )}
    </figure>
  );
});

/** Return what a panel draws. It has the lines of `before`, as the same array, if none of them has changed. */
function drawnOf(
  keys: readonly string[],
  { curves, best, marks }: PanelData,
  memory: LineMemory,
  weight: number,
  hasBest: boolean,
  before: Drawn | null,
): Drawn {
  const odd = { nan: 0, infinite: 0 };
  let [points, total, isCompared] = [0, 0, false];
  const [behind, own]: Line[][] = [[], []];
  const ownMarks: number[] = [];
  keys.forEach((key, slot) => {
    const curve = curves.get(key);
    const other = hasBest ? best?.curves.get(key) : undefined;
    if (other) {
      const named = { id: `best ${key}`, label: `${best!.name}, ${key}`, slot, dash: DASH };
      behind!.push(memory.line(named, other, null, weight, false));
      isCompared = true;
    }
    if (curve) {
      own!.push(memory.line({ id: key, label: key, slot }, curve, null, weight, false));
      odd.nan += curve.nan;
      odd.infinite += curve.infinite;
      points += curve.x.length;
      total += curve.total;
    }
    ownMarks.push(...(marks.get(key) ?? []));
  });
  const lines = [...behind!, ...own!];
  const isEqual = before?.lines.length === lines.length && lines.every((line, i) => line === before.lines[i]);
  const isMarked = before?.marks.join() === ownMarks.join();
  return {
    lines: isEqual ? before.lines : lines,
    marks: isMarked ? before!.marks : ownMarks,
    odd,
    points,
    total,
    best: isCompared ? best!.name : null,
  };
}

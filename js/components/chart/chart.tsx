import { type ReadonlySignal, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import { MOST_BANDS, Plot } from '../../chart/plot';
import { type Range, xRange, yRange } from '../../chart/scales';
import type { XAxis } from '../../contract';
import { plural } from '../../logic/format';

interface Props {
  lines: readonly Line[];
  label: string;
  xAxis: XAxis;
  log: boolean;
  height: number;
  range?: Range | null;
  /** The ID of the line that is drawn in front of the others. */
  highlight?: ReadonlySignal<string | null>;
  group?: string;
  /** Called with the range of the x axis to show, or null for all of it. */
  zoom?: (range: Range | null) => void;
  /** Called with the ID of the line under the pointer, or null. */
  hover?: (id: string | null) => void;
  /** How many points are NaN, and how many infinite. */
  odd?: { nan: number; infinite: number };
}

/**
 * A line chart. Hovering names the nearest line. Dragging zooms in, dragging with Shift pans, a double-click or Escape shows
 * the whole x axis. The arrow keys read out values.
 */
export function Chart(props: Props) {
  const { lines, range, log, xAxis, height, zoom, highlight, hover, group, odd } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const spoken = useSignal('');
  const everything = useSignal(false);
  const x = useMemo(() => xRange(lines, range), [lines, range]);
  const robust = !everything.value;
  const y = useMemo(() => yRange(valuesOf(lines), x, log, robust), [lines, x, log, robust]);
  useEffect(() => {
    const current = new Plot(host.current!);
    plot.current = current;
    return () => current.destroy();
  }, []);
  useEffect(() => plot.current?.show({ lines, xAxis, xRange: x, yRange: y.range, log, height, group, zoom, hover }));
  useSignalEffect(() => plot.current?.highlight(highlight?.value ?? null));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const done = plot.current?.press(event.key, event.shiftKey);
    if (done) {
      event.preventDefault();
      event.stopPropagation();
      spoken.value =
        done === true ? '' : `${done.label}: ${done.value} at ${done.at}${done.range && `, ${done.range}`}`;
    }
  };
  const notDrawn = (odd?.nan ?? 0) + (odd?.infinite ?? 0) + y.notPositive;
  return (
    <div class="nbt-chart-box">
      <div
        ref={host}
        class="nbt-chart"
        style={{ height: `${height}px` }}
        role="img"
        aria-label={props.label}
        tabIndex={zoom ? 0 : undefined}
        onKeyDown={onKeyDown}
        onBlur={() => plot.current?.leave()}
      />
      <div class="nbt-visually-hidden" aria-live="polite">
        {spoken.value}
      </div>
      {zoom && range && (
        <button type="button" class="nbt-button nbt-zoom-reset" onClick={() => zoom(null)}>
          Reset zoom
        </button>
      )}
      {(notDrawn > 0 || y.outside > 0 || everything.value) && (
        <div class="nbt-chart-notes" aria-live="polite">
          {notDrawn > 0 && (
            <span>
              {plural(notDrawn, 'point')} {notDrawn === 1 ? 'is' : 'are'} not drawn: {named(odd, y.notPositive)}.
            </span>
          )}
          {(y.outside > 0 || everything.value) && (
            <span>
              {y.outside > 0 &&
                `${plural(y.outside, 'value')} far outside of the others ${y.outside === 1 ? 'is' : 'are'} not shown. `}
              <button type="button" class="nbt-link" onClick={() => (everything.value = !everything.value)}>
                {everything.value ? 'Leave out values far outside of the others' : 'Show all values'}
              </button>
            </span>
          )}
        </div>
      )}
    </div>
  );
}

/** The values that the y axis must have room for: those that are drawn behind the lines too. */
function valuesOf(lines: readonly Line[]) {
  return lines.length <= MOST_BANDS
    ? lines.map((line) => (line.raw ? { ...line.raw, band: line.band } : line))
    : lines.map(({ x, y }) => ({ x, y }));
}

/** 2 NaN, 1 infinite, 3 zero or negative. */
function named(odd: Props['odd'], notPositive: number): string {
  const parts: [number, string][] = [
    [odd?.nan ?? 0, 'NaN'],
    [odd?.infinite ?? 0, 'infinite'],
    [notPositive, 'zero or negative'],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count.toLocaleString('en')} ${name}`)
    .join(', ');
}

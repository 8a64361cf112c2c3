import { type ReadonlySignal, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { indexAt, type Line } from '../../chart/layers';
import { type Cursor, MOST_BANDS, Plot } from '../../chart/plot';
import { type AxisKind, type Range, xRange, yRange } from '../../chart/scales';
import { plural } from '../../logic/format';

interface Props {
  lines: readonly Line[];
  /** Positions on the x axis at which something was reported. */
  marks?: readonly number[];
  label: string;
  xAxis: AxisKind;
  /** The metric on the x axis. */
  xMetric?: string;
  /** The name of the baseline, if the lines are differences from it. */
  from?: string | undefined;
  log: boolean;
  logX?: boolean;
  height: number;
  range?: Range | null;
  /** What the lines that are drawn in front of the others belong to. */
  highlight?: ReadonlySignal<string | null>;
  group?: string;
  /** Called with the range of the x axis to show, or null for all of it. */
  zoom?: (range: Range | null) => void;
  /** Called with what the line under the pointer belongs to, or null. */
  hover?: (mark: string | null) => void;
  /** Called with the position of the cursor. Without it, a box beside the pointer shows the value. */
  cursor?: (cursor: Cursor | null) => void;
  /** How many points are NaN, and how many infinite. */
  odd?: { nan: number; infinite: number };
  /** Whether there is room for values far outside of the others. Without `changeAllValues`, the chart keeps that itself. */
  allValues?: boolean;
  changeAllValues?: (on: boolean) => void;
}

/**
 * A line chart. Hovering finds the nearest line. Dragging zooms in, dragging with Shift pans, a double-click or Escape shows
 * the whole x axis. The arrow keys read out values.
 */
export function Chart(props: Props) {
  const {
    lines,
    marks,
    range,
    log,
    logX = false,
    xAxis,
    xMetric,
    from,
    height,
    zoom,
    highlight,
    hover,
    cursor,
    group,
    odd,
  } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const spoken = useSignal('');
  const own = useSignal(false);
  const everything = props.changeAllValues ? (props.allValues ?? false) : own.value;
  const changeEverything = props.changeAllValues ?? ((on: boolean) => (own.value = on));
  const x = useMemo(() => xRange(lines, range, logX), [lines, range, logX]);
  const robust = !everything;
  const y = useMemo(() => yRange(valuesOf(lines), x, log, robust), [lines, x, log, robust]);
  useEffect(() => {
    const current = new Plot(host.current!);
    plot.current = current;
    return () => current.destroy();
  }, []);
  useEffect(() =>
    plot.current?.show({
      lines,
      marks,
      xAxis,
      xMetric,
      from,
      xRange: x,
      yRange: y.range,
      log,
      logX,
      height,
      group,
      zoom,
      hover,
      cursor,
    }),
  );
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
  const isMarked = lines.some((line) => line.odd && !line.faint);
  const odds = (odd?.nan ?? 0) + (odd?.infinite ?? 0);
  const notPositive = y.notPositive + (logX ? notPositiveX(lines) : 0);
  const notDrawn = (isMarked ? 0 : odds) + notPositive;
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
      {(odds > 0 || notDrawn > 0 || y.outside > 0 || everything) && (
        <div class="nbt-chart-notes" aria-live="polite">
          {isMarked && odds > 0 && (
            <span>
              {plural(odds, 'point')} {odds === 1 ? 'is' : 'are'} marked at the edge: {named(odd, 0, MARKS)}.
            </span>
          )}
          {notDrawn > 0 && (
            <span>
              {plural(notDrawn, 'point')} {notDrawn === 1 ? 'is' : 'are'} not drawn:{' '}
              {named(isMarked ? undefined : odd, notPositive)}.
            </span>
          )}
          {(y.outside > 0 || everything) && (
            <span>
              {y.outside > 0 &&
                `${plural(y.outside, 'value')} far outside of the others ${y.outside === 1 ? 'is' : 'are'} not shown. `}
              <button type="button" class="nbt-link" onClick={() => changeEverything(!everything)}>
                {everything ? 'Leave out values far outside of the others' : 'Show all values'}
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
  return lines.filter((line) => !line.faint).length <= MOST_BANDS
    ? lines.map((line) => (line.raw ? { ...line.raw, band: line.band } : line))
    : lines.map(({ x, y }) => ({ x, y }));
}

/** How NaN and infinity are marked. */
const MARKS = [' (×)', ' (▲ or ▼)'];

/** Return how many points have a position that a logarithmic x axis does not have. */
function notPositiveX(lines: readonly Line[]): number {
  return lines.reduce((sum, { x }) => sum + (x.length > 0 && x[0]! <= 0 ? indexAt(x, Number.MIN_VALUE) : 0), 0);
}

/** 2 NaN, 1 infinite, 3 zero or negative. */
function named(odd: Props['odd'], notPositive: number, marks: readonly string[] = ['', '']): string {
  const parts: [number, string][] = [
    [odd?.nan ?? 0, `NaN${marks[0]}`],
    [odd?.infinite ?? 0, `infinite${marks[1]}`],
    [notPositive, 'zero or negative'],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count.toLocaleString('en')} ${name}`)
    .join(', ');
}

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { XAxis } from '../../contract';
import { formatDuration, tickNumber } from '../../logic/format';
import { type Aligned, align, type Line, nearest } from '../../logic/series';
import { lineStyle, resolveColor, watchTheme } from '../../style/theme';

export interface ChartLine extends Line {
  id: string;
  label: string;
  slot: number;
  /** Whether these are the raw values of a smoothed line. They are drawn pale behind the others and cannot be hovered. */
  faint?: boolean;
}

export type Range = readonly [number, number];

interface Props {
  lines: ChartLine[];
  label: string;
  xAxis: XAxis;
  log: boolean;
  height: number;
  range?: Range | null;
  /** Called with the range of the x axis to show, or null for all of it. */
  zoom?: (range: Range | null) => void;
}

const INTEGER_TICKS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((factor) => factor * 10 ** power)).flat();
const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';

/**
 * A line chart. Hovering names the nearest line, dragging zooms in, and a double-click or Escape shows the whole x axis.
 */
export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  useEffect(() => {
    const current = new Drawing(host.current!);
    drawing.current = current;
    return () => current.destroy();
  }, []);
  useEffect(() => drawing.current?.show(props));
  const onKeyDown = (event: KeyboardEvent) => {
    const next = drawing.current?.keyRange(event.key);
    if (next !== undefined && props.zoom) {
      event.preventDefault();
      event.stopPropagation();
      props.zoom(next);
    }
  };
  return (
    <div
      ref={host}
      class="nbt-chart"
      style={{ height: `${props.height}px` }}
      role="img"
      aria-label={props.label}
      tabIndex={props.zoom ? 0 : undefined}
      onKeyDown={onKeyDown}
    />
  );
}

/** The uPlot instance of a chart. It is created again when its structure changes; otherwise, only its data is set. */
class Drawing {
  private plot: uPlot | undefined;
  private structure = '';
  private props: Props | undefined;
  private aligned: Aligned = { x: [], y: [], hidden: 0 };
  private readonly tip = document.createElement('div');
  private readonly resizing: ResizeObserver;
  private readonly unwatch: () => void;

  constructor(private readonly host: HTMLElement) {
    this.tip.className = 'nbt-tip';
    this.tip.hidden = true;
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.unwatch = watchTheme(() => {
      this.structure = '';
      this.props && this.show(this.props);
    });
  }

  destroy(): void {
    this.resizing.disconnect();
    this.unwatch();
    this.plot?.destroy();
  }

  show(props: Props): void {
    this.props = props;
    this.aligned = align(props.lines, props.log);
    const data = [this.aligned.x, ...this.aligned.y] as uPlot.AlignedData;
    const drawn = props.lines.map((line) => [line.id, line.slot, line.faint]);
    const structure = JSON.stringify([drawn, props.xAxis, props.log, props.height, Boolean(props.zoom)]);
    if (this.plot && structure === this.structure) {
      this.plot.setData(data);
      return;
    }
    this.structure = structure;
    // A cell that is scrolled out of view has no width, and no resize is reported when it comes back at its old width.
    const width = this.host.clientWidth || this.plot?.width || 400;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(props, width), data, this.host);
    this.plot.over.append(this.tip);
    this.tip.hidden = true;
  }

  /** Return the range for a key: + and − zoom, ← and → move, Escape and 0 show everything (null). Undefined for other keys. */
  keyRange(key: string): Range | null | undefined {
    const { min, max } = this.plot?.scales.x ?? {};
    if (key === 'Escape' || key === '0') {
      return null;
    }
    if (min == null || max == null) {
      return undefined;
    }
    const span = max - min;
    switch (key) {
      case '+':
      case '=':
        return [min + span / 4, max - span / 4];
      case '-':
        return [min - span / 2, max + span / 2];
      case 'ArrowLeft':
        return [min - span / 5, max - span / 5];
      case 'ArrowRight':
        return [min + span / 5, max + span / 5];
      default:
        return undefined;
    }
  }

  private resize(): void {
    const width = this.host.clientWidth;
    if (this.plot && this.props && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.props.height });
    }
  }

  private options(props: Props, width: number): uPlot.Options {
    const color = (expression: string) => resolveColor(this.host, expression);
    const axis = {
      stroke: color('var(--nbt-muted)'),
      grid: { stroke: color('var(--nbt-grid)'), width: 1 },
      ticks: { stroke: color('var(--nbt-grid)'), width: 1, size: 4 },
      font: FONT,
    };
    return {
      width,
      height: props.height,
      ms: 1,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      focus: { alpha: 0.35 },
      cursor: {
        y: false,
        drag: { x: Boolean(props.zoom), y: false, setScale: false },
        points: { show: false },
        bind: {
          dblclick: () => () => {
            props.zoom?.(null);
            return null;
          },
        },
      },
      scales: {
        x: { time: props.xAxis === 'time', range: (_, min, max) => this.xRange(min, max) },
        y: { distr: props.log ? 3 : 1, range: (_, min, max) => yRange(min, max, props.log) },
      },
      series: [{}, ...props.lines.map((line) => this.series(line, color))],
      axes: [
        {
          ...axis,
          size: 28,
          ...(props.xAxis === 'step' && { incrs: INTEGER_TICKS }),
          ...(props.xAxis !== 'time' && { values: (_: uPlot, splits: number[]) => ticks(splits, props.xAxis) }),
        },
        { ...axis, size: 56, values: (_, splits) => splits.map((value) => (value === null ? '' : tickNumber(value))) },
      ],
      hooks: {
        setCursor: [(plot) => this.point(plot)],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  private series(line: ChartLine, color: (expression: string) => string): uPlot.Series {
    const { color: stroke, dash } = lineStyle(line.slot);
    return {
      label: line.label,
      stroke: color(stroke),
      width: line.faint ? 1 : 1.75,
      alpha: line.faint ? 0.3 : 1,
      dash: line.faint ? [] : dash,
      points: { show: line.x.length === 1 ? true : undefined, size: 6, fill: color(stroke) },
    };
  }

  private xRange(min: number | null, max: number | null): uPlot.Range.MinMax {
    const [from, to] = this.props?.range ?? [min, max];
    if (from == null || to == null) {
      return [0, 1];
    }
    return from === to ? [from - 1, to + 1] : [from, to];
  }

  private select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width > 4 && this.props?.zoom) {
      this.props.zoom([plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]);
      plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    }
  }

  private point(plot: uPlot): void {
    const { idx, left, top } = plot.cursor;
    const lines = this.props?.lines ?? [];
    const solid = lines.flatMap((line, i) => (line.faint ? [] : [i]));
    const found =
      idx == null || left == null || top == null || left < 0
        ? null
        : nearest(this.aligned, solid, idx, top, (value) => plot.valToPos(value, 'y'));
    const line = found && lines[found.line];
    this.tip.hidden = !line;
    if (!found || !line) {
      return;
    }
    const x = this.aligned.x[found.index]!;
    const name = document.createElement('b');
    name.textContent = line.label;
    name.style.borderLeftColor = lineStyle(line.slot).color;
    const value = document.createElement('span');
    value.textContent = `${tickNumber(this.aligned.y[found.line]![found.index]!)} at ${xText(x, this.props!.xAxis)}`;
    this.tip.replaceChildren(name, value);
    const px = plot.valToPos(x, 'x');
    const py = plot.valToPos(this.aligned.y[found.line]![found.index]!, 'y');
    const right = px > plot.over.clientWidth / 2;
    this.tip.style.transform = `translate(${px}px, ${py}px) translate(${right ? 'calc(-100% - 10px)' : '10px'}, ${py < 40 ? '6px' : 'calc(-100% - 6px)'})`;
  }
}

function yRange(min: number | null, max: number | null, log: boolean): uPlot.Range.MinMax {
  if (min == null || max == null) {
    return log ? [0.1, 10] : [0, 1];
  }
  if (log) {
    return uPlot.rangeLog(min, max, 10, false);
  }
  return min === max
    ? [min - (Math.abs(min) || 1) / 2, max + (Math.abs(max) || 1) / 2]
    : uPlot.rangeNum(min, max, 0.06, true);
}

function ticks(splits: number[], xAxis: XAxis): string[] {
  return splits.map((value) =>
    xAxis === 'relative'
      ? shortDuration(value)
      : Number.isInteger(value)
        ? value.toLocaleString('en').replaceAll(',', ' ')
        : '',
  );
}

function shortDuration(seconds: number): string {
  if (seconds >= 3600) {
    return `${Number((seconds / 3600).toFixed(2))} h`;
  }
  return seconds >= 120 ? `${Number((seconds / 60).toFixed(2))} min` : `${tickNumber(seconds)} s`;
}

function xText(x: number, xAxis: XAxis): string {
  if (xAxis === 'time') {
    return new Date(x).toLocaleString();
  }
  return xAxis === 'relative' ? formatDuration(x * 1000) : `step ${x}`;
}

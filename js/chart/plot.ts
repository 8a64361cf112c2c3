import uPlot from 'uplot';
import { plural, tickNumber, tickNumbers } from '../logic/format';
import { shorten } from '../logic/shorten';
import { lineStyle, resolveColor, watchTheme } from '../style/theme';
import { actionOf } from './interaction';
import {
  type Area,
  drawBand,
  drawLine,
  drawOdd,
  isBaseline,
  type Line,
  markOf,
  nearest,
  type Places,
  pixels,
  pointAt,
  valueAt,
} from './layers';
import { type AxisKind, linearTicks, logTicks, type Range, xPosition, xTicks } from './scales';

/** What a plot shows. */
export interface Picture {
  lines: readonly Line[];
  /** Positions on the x axis at which something was reported. */
  marks?: readonly number[] | undefined;
  xAxis: AxisKind;
  /** The metric on the x axis. */
  xMetric?: string;
  /** The name of the baseline, if the lines are differences from it. */
  from?: string | undefined;
  xRange: Range;
  yRange: Range;
  log: boolean;
  logX?: boolean;
  height: number;
  /** Plots of the same group share their cursor. */
  group?: string;
  /** Called with the range of the x axis to show, or null for all of it. */
  zoom?: (range: Range | null) => void;
  /** Called with what the line under the pointer belongs to. */
  hover?: (mark: string | null) => void;
  /** Called with the cursor's position and the line next to it. Then no box is shown beside the pointer. */
  cursor?: (cursor: Cursor | null) => void;
}

/** Where the cursor of a plot is. */
export interface Cursor {
  x: number;
  /** The position in words. */
  at: string;
  /** The line next to the pointer, by its ID. Null if the pointer is in another plot of the group, or far from all. */
  id: string | null;
  /** What the value of that line is the mean of. */
  range: string;
}

/** A point of a line in words. */
export interface Reading {
  label: string;
  value: string;
  at: string;
  /** What the value is the mean of. Empty if it is a point of the run. */
  range: string;
}

const INTEGER_TICKS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((factor) => factor * 10 ** power)).flat();
const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';
/** The width of the y axis in px, and of a character of its labels. */
const LEAST_Y_AXIS = 56;
const MOST_Y_AXIS = 140;
const LABEL_CHARACTER = 6.6;
/** How many characters of a name fit into the box beside the pointer. */
const MOST_IN_TIP = 42;
/** How many characters of a name fit beside the y axis of a low chart. */
const MOST_IN_LABEL = 14;
/** With more lines, only the one under the pointer has its band and its raw values. */
export const MOST_BANDS = 20;
/** The width of the line that the others are compared with, in pixels. It is wider than those of all others. */
const BASELINE_WIDTH = 3.5;
/** How near the pointer must be to a line, in pixels. */
const REACH = 60;

/**
 * A chart: uPlot draws the axes and follows the pointer, and the lines are drawn on its canvas. It is created again when its
 * structure changes; otherwise it is only drawn again.
 */
export class Plot {
  private plot: uPlot | undefined;
  private structure = '';
  private picture: Picture | undefined;
  /** The range while the x axis is being dragged. */
  private dragged: Range | null = null;
  /** Where the keyboard is: a line by its ID, and the index of a point. */
  private at: { id: string; index: number } | null = null;
  /** What the lines that are drawn in front of the others belong to. */
  private highlighted: string | null = null;
  /** Whether the pointer was in the chart when it moved last. */
  private isPointed = false;
  private readonly colors = new Map<string, string>();
  private readonly tip = document.createElement('div');
  private readonly front = document.createElement('canvas');
  private readonly resizing: ResizeObserver;
  private readonly unwatch: () => void;

  constructor(private readonly host: HTMLElement) {
    this.tip.className = 'nbt-tip';
    this.tip.hidden = true;
    this.front.className = 'nbt-front';
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.unwatch = watchTheme(() => {
      this.structure = '';
      this.colors.clear();
      this.picture && this.show(this.picture);
    });
  }

  destroy(): void {
    this.resizing.disconnect();
    this.unwatch();
    this.plot?.destroy();
  }

  show(picture: Picture): void {
    const before = this.picture;
    this.picture = picture;
    const { xAxis, from, log, logX, height, group } = picture;
    const structure = JSON.stringify([xAxis, from, log, logX, group, Boolean(picture.zoom)]);
    if (!this.plot || structure !== this.structure) {
      this.structure = structure;
      // A cell that is scrolled out of view has no width, and no resize is reported when it comes back at its old width.
      const width = this.host.clientWidth || this.plot?.width || 400;
      this.plot?.destroy();
      this.plot = new uPlot(this.options(picture, width), this.frame(), this.host);
      this.plot.over.append(this.front, this.tip);
      this.tip.hidden = true;
    } else if (height !== before?.height) {
      this.plot.setSize({ width: this.plot.width, height });
      this.plot.setData(this.frame());
    } else if (isOther(before, picture)) {
      this.plot.setData(this.frame());
    }
    this.drawFront();
  }

  /** Draw the lines of a run in front of the others. */
  highlight(mark: string | null): void {
    if (mark !== this.highlighted) {
      this.highlighted = mark;
      this.drawFront();
    }
  }

  /** Do what a key stands for. Returns null for other keys, and otherwise the point that the cursor is at, if it moved. */
  press(key: string, isShift: boolean): Reading | true | null {
    const { picture } = this;
    const scale = picture && { range: picture.xRange, log: Boolean(picture.logX) };
    const action = scale && actionOf(key, isShift, scale, Boolean(picture.zoom));
    if (!action) {
      return null;
    }
    if (action.kind === 'zoom') {
      picture.zoom?.(action.range);
      return true;
    }
    return (action.kind === 'point' ? this.step(action.by) : this.change(action.by)) ?? true;
  }

  /** Hide the cursor of the keyboard. */
  leave(): void {
    if (this.at) {
      this.picture?.cursor?.(null);
      this.picture?.hover?.(null);
    }
    this.at = null;
    this.tip.hidden = true;
    this.drawFront();
  }

  private resize(): void {
    const width = this.host.clientWidth;
    if (this.plot && this.picture && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.picture.height });
      this.drawFront();
    }
  }

  /** The corners of the chart as data for uPlot, which draws no lines itself. */
  private frame(): uPlot.AlignedData {
    const { xRange, yRange } = this.picture!;
    return [[...xRange], [...yRange]];
  }

  private color(expression: string): string {
    let color = this.colors.get(expression);
    if (color === undefined) {
      color = resolveColor(this.host, expression);
      this.colors.set(expression, color);
    }
    return color;
  }

  private options(picture: Picture, width: number): uPlot.Options {
    const axis = {
      stroke: this.color('var(--nbt-muted)'),
      grid: { stroke: this.color('var(--nbt-grid)'), width: 1 },
      ticks: { stroke: this.color('var(--nbt-grid)'), width: 1, size: 4 },
      font: FONT,
    };
    const { xAxis, from, log, logX = false, height, group } = picture;
    const canZoom = Boolean(picture.zoom);
    return {
      width,
      height,
      ms: 1,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: {
        y: false,
        drag: { x: canZoom, y: false, setScale: false },
        points: { show: false },
        ...(group && {
          sync: {
            key: group,
            scales: ['x', null],
            setSeries: false,
            filters: { pub: (type: string) => type === 'mousemove' || type === 'mouseleave', sub: () => true },
          },
        }),
        bind: {
          dblclick: () => () => {
            this.picture?.zoom?.(null);
            return null;
          },
          mousedown: (_, __, handler) => (event) => {
            if (event.shiftKey && canZoom) {
              this.pan(event);
            } else {
              handler(event);
            }
            return null;
          },
        },
      },
      scales: {
        x: { time: xAxis === 'time', distr: logX ? 3 : 1, range: () => [...(this.dragged ?? this.picture!.xRange)] },
        y: { distr: log ? 3 : 1, range: () => [...this.picture!.yRange] },
      },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [
        {
          ...axis,
          size: 28,
          ...(xAxis === 'step' && !logX && { incrs: INTEGER_TICKS }),
          ...(logX && {
            splits: (plot, _, low, high) => logTicks([low, high], Math.max(2, Math.floor(plot.over.clientWidth / 70))),
            filter: (_, splits) => splits,
          }),
          ...(xAxis !== 'time' && { values: (_: uPlot, splits: number[]) => xTicks(splits, xAxis) }),
        },
        {
          ...axis,
          ...(from !== undefined && {
            label: `difference from ${shorten(from, MOST_IN_LABEL)}`,
            ...{ labelFont: FONT, labelSize: 16, labelGap: 0 },
          }),
          size: (_, labels) => yAxisWidth(labels),
          splits: (plot, _, low, high) => {
            const most = Math.max(2, Math.floor(plot.over.clientHeight / 34) || 5);
            return log ? logTicks([low, high], most) : linearTicks([low, high], most);
          },
          filter: (_, splits) => splits,
          values: (_, splits) => tickNumbers(splits),
        },
      ],
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setCursor: [(plot) => this.point(plot)],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  private places(area: Area): Places {
    const { xRange, yRange, log, logX = false } = this.picture!;
    return { area, x: { range: this.dragged ?? xRange, log: logX }, y: { range: yRange, log } };
  }

  /** Draw the lines on uPlot's canvas. */
  private draw(plot: uPlot): void {
    const all = this.picture!.lines;
    const lines = all.filter((line) => !line.faint);
    const { ctx: context, bbox: area } = plot;
    const ratio = devicePixelRatio || 1;
    const places = this.places(area);
    context.save();
    context.beginPath();
    context.rect(area.left, area.top, area.width, area.height);
    context.clip();
    context.lineJoin = 'round';
    if (this.picture!.from !== undefined) {
      this.drawZero(context, places, ratio);
    }
    for (const line of all) {
      if (line.faint) {
        context.globalAlpha = 0.25;
        this.drawSolid(context, places, line, ratio, ratio);
      }
    }
    if (lines.length <= MOST_BANDS) {
      for (const line of lines) {
        this.drawBehind(context, places, line, lines.length, ratio);
      }
    }
    context.globalAlpha = lines.length > 300 ? Math.max(0.15, 120 / lines.length) : lines.length > 30 ? 0.75 : 1;
    const width = lines.length > 30 ? 1 : lines.length > 10 ? 1.25 : 1.75;
    for (const line of lines) {
      if (!isBaseline(line)) {
        this.drawSolid(context, places, line, width * ratio, ratio);
      }
    }
    context.globalAlpha = 1;
    for (const line of lines) {
      if (isBaseline(line)) {
        this.drawSolid(context, places, line, BASELINE_WIDTH * ratio, ratio);
      }
    }
    for (const mark of this.picture!.marks ?? []) {
      this.drawMark(context, places, mark, ratio);
    }
    context.setLineDash([]);
    context.lineWidth = 1.5 * ratio;
    for (const line of lines) {
      if (line.odd) {
        context.strokeStyle = this.color(lineStyle(line.slot).color);
        context.fillStyle = context.strokeStyle;
        drawOdd(context, places, line.odd, 7 * ratio);
      }
    }
    context.restore();
  }

  /** Draw an upright line where something was reported. */
  private drawMark(context: CanvasRenderingContext2D, places: Places, mark: number, ratio: number): void {
    const x = pixels(places.x, places.area, 'x')(mark);
    context.strokeStyle = this.color('var(--nbt-tint-line)');
    context.lineWidth = 2 * ratio;
    context.setLineDash([2 * ratio, 3 * ratio]);
    context.beginPath();
    context.moveTo(x, places.area.top);
    context.lineTo(x, places.area.top + places.area.height);
    context.stroke();
  }

  /** Draw a line at zero, where the baseline is. */
  private drawZero(context: CanvasRenderingContext2D, places: Places, ratio: number): void {
    const y = pixels(places.y, places.area, 'y')(0);
    context.strokeStyle = this.color('var(--nbt-muted)');
    context.lineWidth = ratio;
    context.setLineDash([4 * ratio, 4 * ratio]);
    context.beginPath();
    context.moveTo(places.area.left, y);
    context.lineTo(places.area.left + places.area.width, y);
    context.stroke();
    context.setLineDash([]);
  }

  /** Draw the band of a line and its raw values. */
  private drawBehind(
    context: CanvasRenderingContext2D,
    places: Places,
    line: Line,
    lines: number,
    ratio: number,
  ): void {
    const color = this.color(lineStyle(line.slot).color);
    context.fillStyle = color;
    context.strokeStyle = color;
    context.setLineDash([]);
    if (line.band) {
      context.globalAlpha = lines > 5 ? 0.08 : 0.16;
      drawBand(context, places, line.band.x, line.band.low, line.band.high);
    }
    if (line.raw) {
      context.globalAlpha = 0.3;
      context.lineWidth = ratio;
      drawLine(context, places, line.raw.x, line.raw.y);
    }
    context.globalAlpha = 1;
  }

  private drawSolid(context: CanvasRenderingContext2D, places: Places, line: Line, width: number, ratio: number): void {
    const { color, dash } = lineStyle(line.slot, line.dash);
    context.strokeStyle = this.color(color);
    context.fillStyle = context.strokeStyle;
    context.lineWidth = width;
    context.setLineDash(dash.map((length) => length * ratio));
    drawLine(context, places, line.x, line.y);
  }

  /** Draw the highlighted line and the point of the cursor on a canvas of their own, so that hovering draws nothing else. */
  private drawFront(): void {
    const { plot, picture, front } = this;
    const context = front.getContext('2d');
    if (!plot || !picture || !context) {
      return;
    }
    const ratio = devicePixelRatio || 1;
    const [width, height] = [plot.over.clientWidth * ratio, plot.over.clientHeight * ratio];
    if (front.width !== width || front.height !== height) {
      front.width = width;
      front.height = height;
    }
    context.clearRect(0, 0, width, height);
    const current = this.at && picture.lines.find(({ id }) => id === this.at?.id);
    const mark = current ? markOf(current) : this.highlighted;
    const marked = mark === null ? [] : picture.lines.filter((line) => markOf(line) === mark);
    const places = this.places({ left: 0, top: 0, width, height });
    context.lineJoin = 'round';
    for (const line of marked) {
      if (picture.lines.length > marked.length) {
        if (picture.lines.length > MOST_BANDS) {
          this.drawBehind(context, places, line, 1, ratio);
        }
        context.strokeStyle = this.color('var(--nbt-back)');
        context.fillStyle = context.strokeStyle;
        context.lineWidth = 5 * ratio;
        context.setLineDash([]);
        drawLine(context, places, line.x, line.y);
      }
      this.drawSolid(context, places, line, (isBaseline(line) ? BASELINE_WIDTH : 2.25) * ratio, ratio);
    }
    if (this.at && current) {
      const line = current;
      context.setLineDash([]);
      context.beginPath();
      const [x, y] = [line.x[this.at.index]!, line.y[this.at.index]!];
      context.arc(
        pixels(places.x, places.area, 'x')(x),
        pixels(places.y, places.area, 'y')(y),
        4 * ratio,
        0,
        2 * Math.PI,
      );
      context.fill();
    }
  }

  private select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width > 4 && this.picture?.zoom) {
      const range = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')] as const;
      plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      this.picture.zoom(range);
    }
  }

  /** Move the x axis with the pointer until its button is released. */
  private pan(start: MouseEvent): void {
    const { plot, picture } = this;
    if (!plot || !picture) {
      return;
    }
    const scale = { range: picture.xRange, log: Boolean(picture.logX) };
    const ended = new AbortController();
    const move = (event: MouseEvent) => {
      const by = (start.clientX - event.clientX) / plot.over.clientWidth;
      this.dragged = [valueAt(scale, by), valueAt(scale, 1 + by)];
      plot.setData(this.frame());
    };
    const up = () => {
      ended.abort();
      const range = this.dragged;
      this.dragged = null;
      if (range) {
        this.picture?.zoom?.(range);
      }
    };
    document.addEventListener('mousemove', move, { signal: ended.signal });
    document.addEventListener('mouseup', up, { signal: ended.signal });
  }

  /** Show the line under the pointer. */
  private point(plot: uPlot): void {
    const { left, top } = plot.cursor;
    const { lines, cursor } = this.picture!;
    // In a plot that only follows the cursor of another one, the pointer is nowhere.
    const isHere = left != null && top != null && left >= 0 && plot.over.matches(':hover');
    const places = this.places({ left: 0, top: 0, width: plot.over.clientWidth, height: plot.over.clientHeight });
    const found = isHere && !this.dragged ? nearest(lines, places, left, top) : null;
    const line = found && found.distance <= REACH ? lines[found.line]! : null;
    if (isHere) {
      this.at = null;
    }
    if (this.at === null) {
      if (!cursor) {
        this.showTip(line, found?.index ?? 0);
      } else if (left == null || left < 0) {
        cursor(null);
      } else {
        const x = line ? line.x[found!.index]! : valueAt(places.x, left / places.area.width);
        cursor(this.cursorAt(x, line, found?.index ?? 0));
      }
    }
    const mark = line ? markOf(line) : null;
    if (isHere || this.isPointed) {
      this.isPointed = isHere;
      this.highlight(mark);
      this.picture?.hover?.(mark);
    }
  }

  private cursorAt(x: number, line: Line | null, index: number): Cursor {
    if (line) {
      const { at, range } = this.reading(line, index);
      return { x, at, id: line.id, range };
    }
    const { xAxis, xMetric } = this.picture!;
    return { x, at: xPosition(xAxis === 'step' ? Math.round(x) : x, xAxis, 0, xMetric), id: null, range: '' };
  }

  /** Show the value of a point beside it. */
  private showTip(line: Line | null, index: number): void {
    const { plot, picture } = this;
    this.tip.hidden = !line;
    if (!line || !plot || !picture) {
      return;
    }
    const { label, value, at, range } = this.reading(line, index);
    const name = document.createElement('b');
    name.textContent = shorten(label, MOST_IN_TIP);
    name.style.borderLeftColor = lineStyle(line.slot).color;
    const texts = [`${value} at ${at}`, ...(range ? [range] : [])].map((text) => {
      const span = document.createElement('span');
      span.textContent = text;
      return span;
    });
    this.tip.replaceChildren(name, ...texts);
    const places = this.places({ left: 0, top: 0, width: plot.over.clientWidth, height: plot.over.clientHeight });
    const px = pixels(places.x, places.area, 'x')(line.x[index]!);
    const py = Math.min(places.area.height, Math.max(0, pixels(places.y, places.area, 'y')(line.y[index]!)));
    const isRight = px > places.area.width / 2;
    this.tip.style.transform = `translate(${px}px, ${py}px) translate(${isRight ? 'calc(-100% - 10px)' : '10px'}, ${py < 40 ? '6px' : 'calc(-100% - 6px)'})`;
  }

  private reading(line: Line, index: number): Reading {
    const [x, y, count] = [line.x[index]!, line.y[index]!, line.count?.[index] ?? 0];
    const isMean = (count > 1 || line.counted !== undefined) && !line.raw;
    const band = isMean && line.band?.x === line.x ? line.band : null;
    const bounds = band ? `, ${tickNumber(band.low[index]!)} to ${tickNumber(band.high[index]!)}` : '';
    return {
      label: line.label,
      value: `${line.better && y > 0 ? '+' : ''}${tickNumber(y)}${sideOf(line, y)}${line.raw ? ', smoothed,' : ''}`,
      range: isMean ? `mean of ${plural(count, line.counted ?? 'point')}${bounds}` : '',
      at: xPosition(x, this.picture!.xAxis, line.raw ? 0 : (line.width ?? 0), this.picture!.xMetric),
    };
  }

  /** Move the cursor of the keyboard along its line. */
  private step(by: number): Reading | null {
    const { picture, plot } = this;
    if (!picture || !plot) {
      return null;
    }
    const current = picture.lines.find(({ id }) => id === this.at?.id);
    const places = this.places({ left: 0, top: 0, width: plot.over.clientWidth, height: plot.over.clientHeight });
    const [from, to] = picture.xRange;
    const line = current ?? picture.lines.find((one) => !one.faint && pointAt(one, from, places) !== -1);
    if (!line) {
      return null;
    }
    let index: number;
    if (!current || by === -Infinity) {
      index = pointAt(line, by === Infinity ? to : from, places);
    } else if (by === Infinity) {
      index = pointAt(line, to, places);
    } else {
      index = this.at!.index + by;
      while (index >= 0 && index < line.x.length && !Number.isFinite(line.y[index]!)) {
        index += by;
      }
    }
    if (index < 0 || index >= line.x.length || line.x[index]! < from || line.x[index]! > to) {
      return this.at && current ? this.reading(current, this.at.index) : null;
    }
    return this.moveTo(line, index);
  }

  /** Move the cursor of the keyboard to the line that is the next one above or below. */
  private change(by: number): Reading | null {
    const { picture, plot } = this;
    const current = picture?.lines.find(({ id }) => id === this.at?.id);
    if (!picture || !plot || !current || !this.at) {
      return this.step(-Infinity);
    }
    const places = this.places({ left: 0, top: 0, width: plot.over.clientWidth, height: plot.over.clientHeight });
    const x = current.x[this.at.index]!;
    const points = picture.lines
      .filter((line) => !line.faint)
      .map((line) => ({ line, index: pointAt(line, x, places) }))
      .filter(({ index }) => index !== -1)
      .sort((a, b) => a.line.y[a.index]! - b.line.y[b.index]!);
    const next = points[points.findIndex(({ line }) => line === current) + by];
    return next ? this.moveTo(next.line, next.index) : this.reading(current, this.at.index);
  }

  private moveTo(line: Line, index: number): Reading {
    this.at = { id: line.id, index };
    if (this.picture?.cursor) {
      this.picture.cursor(this.cursorAt(line.x[index]!, line, index));
    } else {
      this.showTip(line, index);
    }
    this.picture?.hover?.(markOf(line));
    this.drawFront();
    return this.reading(line, index);
  }
}

/** Return whether a difference is better or worse, in words that follow it. */
function sideOf({ better }: Line, difference: number): string {
  if (better === undefined) {
    return '';
  }
  return difference === 0 ? ', the same' : difference > 0 === (better === 'higher') ? ', better' : ', worse';
}

/** Return the width of the y axis in px, so that the longest label is not cut. uPlot has no labels before the first tick. */
function yAxisWidth(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.min(MOST_Y_AXIS, Math.max(LEAST_Y_AXIS, Math.ceil(longest * LABEL_CHARACTER) + 14));
}

/** Whether the lines and axes of two pictures differ, and not only which line is highlighted. */
function isOther(a: Picture, b: Picture): boolean {
  return (
    a.lines !== b.lines ||
    a.marks !== b.marks ||
    a.xRange[0] !== b.xRange[0] ||
    a.xRange[1] !== b.xRange[1] ||
    a.yRange[0] !== b.yRange[0] ||
    a.yRange[1] !== b.yRange[1]
  );
}

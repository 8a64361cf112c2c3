import { batch, signal } from '@preact/signals';
import { type Answer, type Connection, isAbort, RequestError } from '../connection/connection';
import { type CurvesRequest, type ErrorReply, MOST_CURVES, type XAxis } from '../contract';
import { type Curve, curvesOf } from './series';

export type Range = readonly [number, number];

/** What curves are read along. */
export interface Frame {
  axis: XAxis;
  /** The metric on the x axis, instead of `axis`. */
  x_metric: string | null;
  /** The window of the x axis, or null for all of it. */
  range: Range | null;
}

/** What a chart shows of the runs. */
export interface CurveSettings extends Frame {
  key: string;
}

/** How many numbers the cache keeps beside those that are shown: 32 MB. */
const MOST_NUMBERS = 4_000_000;

const MOST_POINTS = 1000;
const FEWEST_POINTS = 128;
/** About how many points of all curves of a chart are requested. */
const MOST_OF_ALL = 200_000;

/** Return how many points of each curve are requested. With very many curves there is room for less. */
export function pointsFor(curves: number): number {
  if (curves * MOST_POINTS <= MOST_OF_ALL) {
    return MOST_POINTS;
  }
  // A power of two, so that another curve seldom changes it.
  return Math.max(FEWEST_POINTS, 2 ** Math.floor(Math.log2(MOST_OF_ALL / curves)));
}

interface Entry {
  /** Null if the run has no points. */
  curve: Curve | null;
  points: number;
  stale: boolean;
}

/** A request on its way. */
interface Pending {
  frame: string;
  keys: ReadonlySet<string>;
  run_ids: ReadonlySet<string>;
  points: number;
  controller: AbortController;
}

/** What a chart shows. */
interface Shown {
  run_ids: readonly string[];
  settings: readonly CurveSettings[];
}

/**
 * The curves that have been read, by run, metric, axis and window. Each chart says what it shows, and only what is missing
 * is requested. A request that no chart needs any more is cancelled, and its answer could not be mistaken for another one,
 * because curves are found by the settings that they were requested with.
 */
export class CurveCache {
  /** Counts the changes of what is in the cache. */
  readonly changes = signal(0);

  private readonly entries = new Map<string, Entry>();
  private readonly pending = signal<readonly Pending[]>([]);
  /** The error of the last request for a metric. */
  private readonly errors = signal<ReadonlyMap<string, ErrorReply>>(new Map());
  /** Whether the store has changed since the requests on their way were sent. */
  private outdated = false;
  /** What each chart shows, by an object that stands for the chart. */
  private readonly shown = new Map<object, Shown>();

  constructor(private readonly connection: Connection) {
    const first = connection.first('curves');
    if (first && first.payload.keys.length > 0) {
      const { payload } = first;
      const range = payload.x_min === null || payload.x_max === null ? null : ([payload.x_min, payload.x_max] as const);
      const frame = { axis: payload.x_axis, x_metric: payload.x_metric ?? null, range };
      this.put(frame, payload.keys, payload.run_ids, payload.max_points, first);
      if (range && !connection.live) {
        // A comparison that was saved while it was zoomed in has nothing else.
        this.put({ ...frame, range: null }, payload.keys, payload.run_ids, payload.max_points, first);
      }
    }
  }

  /** Return the curve of a run. Null if it has no points, undefined if that is not known yet. */
  curve(run_id: string, settings: CurveSettings): Curve | null | undefined {
    void this.changes.value;
    const entry = this.entries.get(id(run_id, settings));
    // Nothing but what was saved can be shown without a kernel.
    return entry ? entry.curve : this.connection.live ? undefined : null;
  }

  /** Return whether one of these metrics is on its way. Without an argument, whether anything is. */
  busy(settings?: readonly CurveSettings[]): boolean {
    return this.pending.value.some((one) => !settings || settings.some((each) => isFor(one, each)));
  }

  /** Return the error of the last request for one of these metrics. */
  error(settings: readonly CurveSettings[]): ErrorReply | null {
    const found = settings.flatMap((each) => frames(each)).map((each) => this.errors.value.get(settingsId(each)));
    return found.find((each) => each !== undefined) ?? null;
  }

  /** Request what a chart shows and what is not there, or not as it is in the store now. */
  show(chart: object, run_ids: readonly string[], settings: readonly CurveSettings[]): void {
    this.shown.set(chart, { run_ids, settings });
    this.cancel();
    this.read({ run_ids, settings });
    this.evict();
  }

  /** Request nothing more for a chart that is out of sight. */
  hide(chart: object): void {
    this.shown.delete(chart);
    this.cancel();
  }

  /** Check all curves again, because the store has changed. Those that are still the same are not sent again. */
  refresh(): void {
    // What is on its way is shown first. Otherwise a store that changes all the time would never let an answer arrive.
    this.outdated = this.pending.peek().length > 0;
    if (!this.outdated) {
      for (const entry of this.entries.values()) {
        entry.stale = true;
      }
      this.again();
    }
  }

  /** Request again what is missing, for example after an error. */
  again(): void {
    this.errors.value = new Map();
    for (const chart of this.shown.values()) {
      this.read(chart);
    }
  }

  private read({ run_ids, settings }: Shown): void {
    if (!this.connection.live || settings.length === 0) {
      return;
    }
    const whole = settings.map((each) => ({ ...each, range: null }));
    this.request(whole.map((each) => ({ settings: each, run_ids })));
    // The points of a short series are all there.
    const isLong = (run_id: string, each: CurveSettings) => this.entries.get(id(run_id, each))?.curve?.isThinned;
    const zoomed = settings.filter(({ range }) => range !== null);
    this.request(
      zoomed.map((each) => ({
        settings: each,
        run_ids: run_ids.filter((run_id) => isLong(run_id, { ...each, range: null })),
      })),
    );
  }

  /** Cancel the requests that no chart needs any more. */
  private cancel(): void {
    const wanted = [...this.shown.values()].flatMap(({ settings }) => settings);
    const isNeeded = (one: Pending) => wanted.some((each) => isFor(one, each));
    const given = this.pending.peek().filter((one) => !isNeeded(one));
    if (given.length > 0) {
      this.pending.value = this.pending.peek().filter(isNeeded);
      for (const one of given) {
        one.controller.abort();
      }
    }
  }

  /** Request the metrics of one chart. Metrics that lack the same runs are read together. */
  private request(metrics: readonly { settings: CurveSettings; run_ids: readonly string[] }[]): void {
    const together = new Map<string, { frame: Frame; keys: string[]; run_ids: string[]; points: number }>();
    for (const { settings, run_ids } of metrics) {
      const points = pointsFor(run_ids.length * metrics.length);
      const isPending = (run_id: string) =>
        this.pending.peek().some((one) => isSame(one, settings) && one.points >= points && one.run_ids.has(run_id));
      const missing = run_ids.filter((run_id) => {
        const entry = this.entries.get(id(run_id, settings));
        return (!entry || entry.stale || entry.points < points) && !isPending(run_id);
      });
      if (missing.length > 0) {
        const place = JSON.stringify([frameId(settings), missing]);
        const other = together.get(place);
        if (other && (other.keys.length + 1) * missing.length <= MOST_CURVES) {
          other.keys.push(settings.key);
        } else {
          together.set(other ? `${place}${settings.key}` : place, {
            ...{ frame: settings, keys: [settings.key], run_ids: missing, points },
          });
        }
      }
    }
    for (const each of together.values()) {
      this.send(each.frame, each.keys, each.run_ids, each.points);
    }
  }

  private send(frame: Frame, keys: readonly string[], run_ids: readonly string[], points: number): void {
    const known = keys.flatMap((key) =>
      run_ids.flatMap((run_id) => {
        const entry = this.entries.get(id(run_id, { ...frame, key }));
        return entry?.curve?.version && entry.points >= points ? [entry.curve.version] : [];
      }),
    );
    const [x_min, x_max] = frame.range ?? [null, null];
    const payload: CurvesRequest = {
      run_ids: [...run_ids],
      keys: [...keys],
      x_axis: frame.axis,
      x_min,
      x_max,
      max_points: points,
      ...(frame.x_metric !== null && { x_metric: frame.x_metric }),
      ...(known.length > 0 && { known }),
    };
    const controller = new AbortController();
    const one: Pending = {
      ...{ frame: frameId(frame), keys: new Set(keys), run_ids: new Set(run_ids), points, controller },
    };
    this.pending.value = [...this.pending.peek(), one];
    const settled = (error: ErrorReply | null) => {
      this.pending.value = this.pending.peek().filter((other) => other !== one);
      const errors = new Map(this.errors.peek());
      for (const key of keys) {
        errors.delete(settingsId({ ...frame, key }));
        if (error) {
          errors.set(settingsId({ ...frame, key }), error);
        }
      }
      this.errors.value = errors;
    };
    this.connection.request('curves', payload, controller.signal).then(
      (answer) =>
        batch(() => {
          if (controller.signal.aborted) {
            return;
          }
          settled(null);
          this.put(frame, keys, run_ids, points, answer);
          if (this.outdated && this.pending.peek().length === 0) {
            this.refresh();
          }
          // The window of a series whose length was not known yet.
          for (const chart of this.shown.values()) {
            if (chart.settings.some(({ range }) => range !== null)) {
              this.read(chart);
            }
          }
        }),
      (cause) =>
        batch(() => !controller.signal.aborted && settled(isAbort(cause) ? null : RequestError.of(cause).reply)),
    );
  }

  private put(
    frame: Frame,
    keys: readonly string[],
    run_ids: readonly string[],
    points: number,
    answer: Answer<'curves'>,
  ): void {
    const found = new Map(curvesOf(answer).map((curve) => [`${curve.run_id} ${curve.key}`, curve]));
    const unchanged = new Set(answer.reply.unchanged);
    for (const key of keys) {
      const settings = { ...frame, key };
      for (const run_id of run_ids) {
        const place = id(run_id, settings);
        const before = this.entries.get(place);
        const curve = found.get(`${run_id} ${key}`) ?? null;
        if (!curve && before?.curve && unchanged.has(before.curve.version)) {
          before.stale = false;
        } else {
          this.entries.delete(place);
          this.entries.set(place, { curve, points, stale: false });
        }
      }
    }
    this.changes.value += 1;
  }

  /** Forget the curves that were read first, unless they are shown. */
  private evict(): void {
    const size = ({ curve }: Entry) => (curve ? curve.x.length * (curve.low ? 5 : 2) : 0) + 16;
    let numbers = 0;
    for (const entry of this.entries.values()) {
      numbers += size(entry);
    }
    if (numbers <= MOST_NUMBERS) {
      return;
    }
    const kept = new Set(
      [...this.shown.values()].flatMap(({ run_ids, settings }) =>
        settings.flatMap((each) => frames(each).flatMap((one) => run_ids.map((run_id) => id(run_id, one)))),
      ),
    );
    for (const [place, entry] of this.entries) {
      if (numbers > MOST_NUMBERS && !kept.has(place)) {
        this.entries.delete(place);
        numbers -= size(entry);
      }
    }
  }
}

/** Return the settings of the whole curve and, if there is a window, of that. */
function frames(settings: CurveSettings): CurveSettings[] {
  return settings.range ? [{ ...settings, range: null }, settings] : [settings];
}

function frameId({ axis, x_metric, range }: Frame): string {
  return JSON.stringify([axis, x_metric, range]);
}

/** The names of settings, which are looked up for each of very many runs. */
const ids = new WeakMap<CurveSettings, string>();

function settingsId(settings: CurveSettings): string {
  let known = ids.get(settings);
  if (known === undefined) {
    known = JSON.stringify([settings.key, frameId(settings)]);
    ids.set(settings, known);
  }
  return known;
}

function id(run_id: string, settings: CurveSettings): string {
  return run_id + settingsId(settings);
}

function isSame(one: Pending, settings: CurveSettings): boolean {
  return one.keys.has(settings.key) && one.frame === frameId(settings);
}

/** Whether a request is for these settings, or for the whole curve if they have a window. */
function isFor(one: Pending, settings: CurveSettings): boolean {
  return frames(settings).some((each) => isSame(one, each));
}

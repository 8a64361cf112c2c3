import { batch, signal } from '@preact/signals';
import { type Answer, type Connection, isAbort, RequestError } from '../connection/connection';
import type { CurvesRequest, ErrorReply, XAxis } from '../contract';
import { type Curve, curvesOf } from './series';

export type Range = readonly [number, number];

/** What a chart shows of the runs. */
export interface CurveSettings {
  key: string;
  axis: XAxis;
  /** The window of the x axis, or null for all of it. */
  range: Range | null;
}

/** How many numbers the cache keeps beside those that are shown: 32 MB. */
const MOST_NUMBERS = 4_000_000;

/** How many points of a series are requested. With very many runs there is room for less. */
export function pointsFor(runs: number): number {
  return runs <= 100 ? 1000 : 256;
}

interface Entry {
  /** Null if the run has no points. */
  curve: Curve | null;
  points: number;
  stale: boolean;
}

/** A request on its way. */
interface Pending {
  settings: CurveSettings;
  run_ids: ReadonlySet<string>;
  points: number;
  controller: AbortController;
}

/**
 * The curves that have been read, by run, metric, axis and window. A chart says what it shows, and only what is missing is
 * requested. A request that belongs to other settings is cancelled, and its answer could not be mistaken for another one,
 * because curves are found by the settings that they were requested with.
 */
export class CurveCache {
  /** Whether something that the chart shows is on its way. */
  readonly busy = signal(false);
  readonly error = signal<ErrorReply | null>(null);
  /** Counts the changes of what is in the cache. */
  readonly changes = signal(0);

  private readonly entries = new Map<string, Entry>();
  private pending: Pending[] = [];
  /** Whether the store has changed since the requests on their way were sent. */
  private outdated = false;
  private shown: { settings: CurveSettings; run_ids: readonly string[] } | null = null;

  constructor(private readonly connection: Connection) {
    const first = connection.first('curves');
    if (first && first.payload.keys.length === 1) {
      const { payload } = first;
      const range = payload.x_min === null || payload.x_max === null ? null : ([payload.x_min, payload.x_max] as const);
      const settings = { key: payload.keys[0]!, axis: payload.x_axis, range };
      this.put(settings, payload.run_ids, payload.max_points, first);
      if (range && !connection.live) {
        // A comparison that was saved while it was zoomed in has nothing else.
        this.put({ ...settings, range: null }, payload.run_ids, payload.max_points, first);
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

  /** Request what a chart shows and what is not there, or not as it is in the store now. */
  show(run_ids: readonly string[], settings: CurveSettings): void {
    this.shown = { run_ids, settings };
    this.pending = this.pending.filter((one) => {
      const isNeeded = isSame(one.settings, settings) || isSame(one.settings, { ...settings, range: null });
      if (!isNeeded) {
        one.controller.abort();
      }
      return isNeeded;
    });
    if (this.connection.live) {
      const whole = { ...settings, range: null };
      this.request(run_ids, whole);
      if (settings.range) {
        // The points of a short series are all there.
        const long = run_ids.filter((run_id) => this.entries.get(id(run_id, whole))?.curve?.width);
        this.request(long, settings);
      }
    }
    this.busy.value = this.pending.length > 0;
    this.evict();
  }

  /** Check all curves again, because the store has changed. Those that are still the same are not sent again. */
  refresh(): void {
    // What is on its way is shown first. Otherwise a store that changes all the time would never let an answer arrive.
    this.outdated = this.pending.length > 0;
    if (!this.outdated) {
      for (const entry of this.entries.values()) {
        entry.stale = true;
      }
      this.again();
    }
  }

  /** Request again what is missing, for example after an error. */
  again(): void {
    this.error.value = null;
    if (this.shown) {
      this.show(this.shown.run_ids, this.shown.settings);
    }
  }

  stop(): void {
    for (const one of this.pending) {
      one.controller.abort();
    }
    this.pending = [];
    this.shown = null;
  }

  private request(run_ids: readonly string[], settings: CurveSettings): void {
    const points = pointsFor(run_ids.length);
    const isPending = (run_id: string) =>
      this.pending.some((one) => isSame(one.settings, settings) && one.points >= points && one.run_ids.has(run_id));
    const missing = run_ids.filter((run_id) => {
      const entry = this.entries.get(id(run_id, settings));
      return (!entry || entry.stale || entry.points < points) && !isPending(run_id);
    });
    if (missing.length === 0) {
      return;
    }
    const known = missing.flatMap((run_id) => {
      const entry = this.entries.get(id(run_id, settings));
      return entry?.curve?.version && entry.points >= points ? [entry.curve.version] : [];
    });
    const [x_min, x_max] = settings.range ?? [null, null];
    const payload: CurvesRequest = {
      run_ids: missing,
      keys: [settings.key],
      x_axis: settings.axis,
      x_min,
      x_max,
      max_points: points,
      ...(known.length > 0 && { known }),
    };
    const controller = new AbortController();
    const one: Pending = { settings, run_ids: new Set(missing), points, controller };
    this.pending.push(one);
    const settled = () => {
      this.pending = this.pending.filter((other) => other !== one);
      this.busy.value = this.pending.length > 0;
    };
    this.connection.request('curves', payload, controller.signal).then(
      (answer) =>
        batch(() => {
          settled();
          if (!controller.signal.aborted) {
            this.error.value = null;
            this.put(settings, missing, points, answer);
            if (this.outdated && this.pending.length === 0) {
              this.refresh();
            }
            // The window of a series whose length was not known yet.
            if (this.shown?.settings.range) {
              this.show(this.shown.run_ids, this.shown.settings);
            }
          }
        }),
      (cause) =>
        batch(() => {
          settled();
          if (!isAbort(cause)) {
            this.error.value = RequestError.of(cause).reply;
          }
        }),
    );
  }

  private put(settings: CurveSettings, run_ids: readonly string[], points: number, answer: Answer<'curves'>): void {
    const found = new Map(curvesOf(answer).map((curve) => [curve.run_id, curve]));
    const unchanged = new Set(answer.reply.unchanged);
    for (const run_id of run_ids) {
      const place = id(run_id, settings);
      const before = this.entries.get(place);
      const curve = found.get(run_id) ?? null;
      if (!curve && before?.curve && unchanged.has(before.curve.version)) {
        before.stale = false;
      } else {
        this.entries.delete(place);
        this.entries.set(place, { curve, points, stale: false });
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
    if (numbers <= MOST_NUMBERS || !this.shown) {
      return;
    }
    const { run_ids, settings } = this.shown;
    const kept = new Set(run_ids.flatMap((run_id) => [id(run_id, settings), id(run_id, { ...settings, range: null })]));
    for (const [place, entry] of this.entries) {
      if (numbers > MOST_NUMBERS && !kept.has(place)) {
        this.entries.delete(place);
        numbers -= size(entry);
      }
    }
  }
}

function id(run_id: string, { key, axis, range }: CurveSettings): string {
  return JSON.stringify([run_id, key, axis, range]);
}

function isSame(a: CurveSettings, b: CurveSettings): boolean {
  return id('', a) === id('', b);
}

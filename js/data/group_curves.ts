import { batch, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import { type Band, type ErrorReply, type GroupCurvesReply, MOST_GROUP_CURVES, MOST_GROUP_METRICS } from '../contract';
import type { CurveSettings } from './curves';
import { type Curve, sentOdd } from './series';

/** How many points of the mean of a group are requested. */
const POINTS = 500;
/** How many answers are kept beside those that are shown. */
const MOST_ANSWERS = 64;

/** The runs that are grouped, and how. */
export interface Grouping {
  filter: string;
  by: string;
}

/** The mean of a metric over the runs of a group. */
export interface GroupCurve {
  group: string;
  metric: string;
  x: Float64Array;
  mean: Float64Array;
  std: Float64Array;
  /** How many runs have a value in each bucket. */
  n: Float64Array;
  low: Float64Array;
  high: Float64Array;
  width: number;
  runs: number;
  total: number;
  nan: number;
  infinite: number;
  odd: Curve['odd'];
}

/** How many runs of the groups can be drawn behind their means. */
export const MOST_MEMBERS = 500;

/** The runs of a group. */
export interface Member {
  run_id: string;
  run_name: string;
  group: string;
}

/** The curves of groups by group and metric, or what went wrong. Undefined until the answer arrives. */
type Answer = ReadonlyMap<string, GroupCurve> | ErrorReply;

/** What a chart shows of groups. All of its metrics have the same axis and window. */
interface Shown {
  grouping: Grouping;
  groups: readonly string[];
  settings: readonly CurveSettings[];
}

/** The curves of groups that have been read. Each chart says what it shows, and only what is missing is requested. */
export class GroupCurveCache {
  private readonly answers = signal<ReadonlyMap<string, Answer>>(new Map());
  private readonly pending = signal<ReadonlyMap<string, AbortController>>(new Map());
  private readonly shown = new Map<object, Shown>();
  /** The answers from before the last change of the store, which are shown until there are new ones. */
  private stale: ReadonlySet<string> = new Set();

  /** The runs of groups that have been read, and those that are on their way. */
  private readonly runs = signal<ReadonlyMap<string, readonly Member[]>>(new Map());
  private readonly asked = new Set<string>();

  constructor(private readonly connection: Connection) {}

  /** Return the curve of a group. Null if it has no points, undefined if that is not known yet. */
  curve(grouping: Grouping, groups: readonly string[], all: readonly CurveSettings[], group: string, metric: string) {
    const answer = this.answers.value.get(idOf({ grouping, groups, settings: all }));
    return answer instanceof Map ? ((answer.get(placeOf(group, metric)) as GroupCurve | undefined) ?? null) : undefined;
  }

  busy(grouping: Grouping, groups: readonly string[], settings: readonly CurveSettings[]): boolean {
    const shown = { grouping, groups, settings };
    return framesOf(shown).some((each) => this.pending.value.has(idOf(each)));
  }

  error(grouping: Grouping, groups: readonly string[], settings: readonly CurveSettings[]): ErrorReply | null {
    const found = framesOf({ grouping, groups, settings }).map((each) => this.answers.value.get(idOf(each)));
    return (found.find((each) => each && !(each instanceof Map)) as ErrorReply | undefined) ?? null;
  }

  /** Request what a chart shows and what is not there. */
  show(chart: object, grouping: Grouping, groups: readonly string[], settings: readonly CurveSettings[]): void {
    this.shown.set(chart, { grouping, groups, settings });
    this.update();
  }

  /** Request nothing more for a chart that shows no groups, or is out of sight. */
  hide(chart: object): void {
    if (this.shown.delete(chart)) {
      this.update();
    }
  }

  /** Return the runs of groups. More than `MOST_MEMBERS` are not all of them. Undefined until they are known. */
  members({ filter, by }: Grouping, groups: readonly string[]): readonly Member[] | undefined {
    const found = groups.map((key) => this.runs.value.get(JSON.stringify([filter, by, key])));
    return found.includes(undefined) ? undefined : found.flatMap((runs) => runs!);
  }

  /** Request the runs of groups. */
  showMembers({ filter, by }: Grouping, groups: readonly string[]): void {
    for (const key of groups) {
      const id = JSON.stringify([filter, by, key]);
      if (!this.runs.peek().has(id) && !this.asked.has(id)) {
        this.asked.add(id);
        const payload = {
          ...{ filter, experiment_ids: null, order_by: [], grouped: false, unfolded: null, offset: 0 },
          ...{ limit: MOST_MEMBERS + 1, params: [], metrics: [], group: { by, key } },
        };
        this.connection.request('runs', payload).then(
          ({ reply }) => {
            const runs = reply.rows.map(({ run_id, run_name }) => ({ run_id, run_name, group: key }));
            this.asked.delete(id);
            this.runs.value = new Map(this.runs.peek()).set(id, runs);
          },
          () => this.asked.delete(id),
        );
      }
    }
  }

  /** Read all curves again, because the store has changed. */
  refresh(): void {
    this.stale = new Set(this.answers.peek().keys());
    this.runs.value = new Map();
    this.update();
  }

  /** Request again what failed. */
  again(): void {
    this.answers.value = new Map([...this.answers.peek()].filter(([, answer]) => answer instanceof Map));
    this.update();
  }

  private update(): void {
    const wanted = new Map([...this.shown.values()].flatMap(framesOf).map((each) => [idOf(each), each]));
    const pending = new Map(this.pending.peek());
    for (const [id, controller] of pending) {
      if (!wanted.has(id)) {
        controller.abort();
        pending.delete(id);
      }
    }
    this.pending.value = pending;
    for (const [id, each] of wanted) {
      if ((!this.answers.peek().has(id) || this.stale.has(id)) && !pending.has(id)) {
        this.send(id, each);
      }
    }
  }

  private send(id: string, { grouping, groups, settings }: Shown): void {
    const [first] = settings;
    const [x_min, x_max] = first!.range ?? [null, null];
    const controller = new AbortController();
    this.pending.value = new Map(this.pending.peek()).set(id, controller);
    const settle = (answer: Answer | null) =>
      batch(() => {
        if (controller.signal.aborted) {
          return;
        }
        this.pending.value = new Map([...this.pending.peek()].filter(([other]) => other !== id));
        this.stale = new Set([...this.stale].filter((other) => other !== id));
        if (answer) {
          const others = [...this.answers.peek()].filter(([other]) => other !== id).slice(1 - MOST_ANSWERS);
          this.answers.value = new Map([...others, [id, answer]]);
        }
      });
    this.connection
      .request(
        'group_curves',
        {
          ...grouping,
          experiment_ids: null,
          groups: [...groups],
          metrics: settings.map(({ key }) => key),
          x_axis: first!.axis,
          x_min,
          x_max,
          max_points: POINTS,
        },
        controller.signal,
      )
      .then(
        ({ reply, buffers }) => settle(curvesOf(reply, buffers)),
        (cause) => settle(isAbort(cause) ? null : RequestError.of(cause).reply),
      );
  }
}

/** The curves that were made of others, so that the same is the same object. */
const made = new WeakMap<GroupCurve, Map<Band, Curve>>();

/** Return the curve of a group in the form of a run's, with a band of some kind. */
export function asCurve(found: GroupCurve, band: Band): Curve {
  const known = made.get(found) ?? new Map<Band, Curve>();
  const curve = known.get(band) ?? curveWith(found, band);
  made.set(found, known.set(band, curve));
  return curve;
}

function curveWith(found: GroupCurve, band: Band): Curve {
  const { group, metric, x, mean, std, n, width, total, nan, infinite, odd } = found;
  let [low, high] = [found.low, found.high];
  if (band !== 'range') {
    // A single run has no deviation, and the band is its mean.
    const half = std.map((value, i) => (Number.isNaN(value) ? 0 : band === 'sem' ? value / Math.sqrt(n[i]!) : value));
    low = mean.map((value, i) => value - half[i]!);
    high = mean.map((value, i) => value + half[i]!);
  }
  return {
    ...{ run_id: group, key: metric, name: null, x, y: mean, low, high, count: n, width, total, nan, infinite },
    ...{ odd, isThinned: width > 1, joined: null, version: '' },
  };
}

function curvesOf(reply: GroupCurvesReply, buffers: readonly Float64Array[]): ReadonlyMap<string, GroupCurve> {
  return new Map(
    reply.series.flatMap((series, i): [string, GroupCurve][] => {
      const [x, mean, std, n, low, high] = buffers.slice(6 * i, 6 * i + 6);
      if (!x || !mean || !std || !n || !low || !high) {
        return [];
      }
      const { group, metric, width, runs, total, nan } = series;
      const infinite = series.pos_inf + series.neg_inf;
      return [
        [
          placeOf(group, metric),
          {
            ...{ group, metric, x, mean, std, n, low, high, width, runs, total, nan, infinite },
            odd: sentOdd(series, buffers),
          },
        ],
      ];
    }),
  );
}

/** Return the requests for what a chart shows: all of the x axis and, if there is one, the window. */
function framesOf({ grouping, groups, settings }: Shown): Shown[] {
  if (groups.length === 0 || settings.length === 0 || settings[0]!.x_metric !== null) {
    return [];
  }
  const bounded = {
    grouping,
    groups: groups.slice(0, MOST_GROUP_CURVES),
    settings: settings.slice(0, MOST_GROUP_METRICS),
  };
  const whole = { ...bounded, settings: bounded.settings.map((each) => ({ ...each, range: null })) };
  return settings[0]!.range === null ? [whole] : [whole, bounded];
}

function idOf({ grouping, groups, settings }: Shown): string {
  const { axis = 'step', range = null } = settings[0] ?? {};
  return JSON.stringify([grouping, groups.slice(0, MOST_GROUP_CURVES), settings.map(({ key }) => key), axis, range]);
}

function placeOf(group: string, metric: string): string {
  return JSON.stringify([group, metric]);
}

import { isBaseline, type Line } from '../../chart/layers';
import type { Band } from '../../contract';
import type { CurveSettings } from '../../data/curves';
import { asCurve, type GroupCurve, type Member } from '../../data/group_curves';
import type { Curve } from '../../data/series';
import { plural } from '../../logic/format';
import { BASELINE } from '../../style/theme';
import type { LineMemory } from './lines';

/** How many points are drawn of how many, and how many cannot be drawn. */
export interface Counts {
  drawn: number;
  total: number;
  nan: number;
  infinite: number;
  /** How many points have a value of the metric on the x axis. Null if there is none. */
  joined: number | null;
  /** Of how many points. */
  joinable: number;
}

export const NO_COUNTS: Counts = { drawn: 0, total: 0, nan: 0, infinite: 0, joined: null, joinable: 0 };

export interface Drawn {
  lines: readonly Line[];
  counts: Counts;
  /** What is said about runs and groups without points. */
  missing: readonly string[];
}

/** What a chart shows, and how its curves are found. A curve is null if there are no points, undefined until it is known. */
export interface Source {
  settings: readonly CurveSettings[];
  run_ids: readonly string[];
  /** The keys of groups. */
  groups: readonly string[];
  /** The runs of groups that are drawn behind the means. */
  members: readonly Member[];
  curve: (run_id: string, each: CurveSettings) => Curve | null | undefined;
  groupCurve: (all: readonly CurveSettings[], key: string, metric: string) => GroupCurve | null | undefined;
  slots: ReadonlyMap<string, number>;
  groupSlots: ReadonlyMap<string, number>;
  nameOfRun: (run_id: string, saved: string | null) => string;
  nameOfGroup: (key: string) => string;
  band: Band;
  /** The weight of the moving average. */
  weight: number;
  isDifference: boolean;
  /** The metrics for which lower values are better. */
  lower: ReadonlySet<string>;
  live: boolean;
}

/** One metric of a chart. */
interface Metric {
  settings: CurveSettings;
  /** The same along all of the x axis. */
  whole: CurveSettings;
  /** Its position in the chart. */
  place: number;
  /** What tells its lines from those of other metrics. */
  dash: { dash?: number };
}

/** Return the lines of a chart. The baseline is drawn on top of the others. */
export function drawnLines(source: Source, memory: LineMemory): Drawn {
  const [lines, front, missing]: [Line[], Line[], string[]] = [[], [], []];
  const counts = { ...NO_COUNTS };
  /** How many lines have no difference, because the baseline does not reach to any of their points. */
  let apart = 0;
  source.settings.forEach((settings, place) => {
    const dash = source.settings.length > 1 ? { dash: place } : {};
    const metric = { settings, whole: { ...settings, range: null }, place, dash };
    const own = [
      ...linesOfMembers(source, metric, memory),
      ...linesOfGroups(source, metric, memory, counts, missing),
      ...linesOfRuns(source, metric, memory, counts, missing),
    ];
    const reference = own.find(isBaseline);
    const better = source.lower.has(settings.key) ? 'lower' : 'higher';
    for (const line of own) {
      if (!source.isDifference) {
        (isBaseline(line) ? front : lines).push(line);
      } else if (reference) {
        const difference = memory.difference(line, reference, isBaseline(line) ? undefined : better);
        (isBaseline(line) ? front : lines).push(difference);
        apart += Number(!line.faint && !difference.y.some(Number.isFinite) && line.y.some(Number.isFinite));
      }
    }
  });
  if (apart > 0) {
    missing.push(`${plural(apart, 'curve')} ${apart === 1 ? 'has' : 'have'} no point in the range of the baseline.`);
  }
  return { lines: [...lines, ...front], counts, missing };
}

function linesOfMembers({ members, slots, groupSlots, curve }: Source, metric: Metric, memory: LineMemory): Line[] {
  const { settings, whole, dash } = metric;
  return members.flatMap(({ run_id, run_name, group }) => {
    const all = slots.has(run_id) ? null : curve(run_id, whole);
    if (!all) {
      return [];
    }
    const slot = groupSlots.get(group) ?? 0;
    const named = { id: `${run_id} ${settings.key}`, mark: run_id, label: run_name, slot };
    const part = settings.range && curve(run_id, settings);
    return [memory.line({ ...named, ...dash, faint: true }, all, part ?? null, 0, false)];
  });
}

function linesOfGroups(source: Source, metric: Metric, memory: LineMemory, counts: Counts, missing: string[]): Line[] {
  const { groups, groupSlots, groupCurve, settings: shown, band, weight, live } = source;
  const { key: name, range } = metric.settings;
  const wholes = shown.map((each) => ({ ...each, range: null }));
  let none = 0;
  const lines = groups.flatMap((key) => {
    const found = groupCurve(wholes, key, name);
    const slot = groupSlots.get(key) ?? 0;
    if (found === null && slot === BASELINE) {
      missing.push(noBaseline(name, live));
    }
    none += Number(found === null && slot !== BASELINE);
    if (!found) {
      return [];
    }
    const part = range && groupCurve(shown, key, name);
    const whole = asCurve(found, band);
    const zoomed = part ? asCurve(part, band) : null;
    count(counts, zoomed ?? whole);
    const label = labelOf(source.nameOfGroup(key), slot, shown.length > 1 ? name : null);
    const named = { id: `group ${key} ${name}`, mark: key, label, slot, counted: 'run' as const };
    return [memory.line({ ...named, ...metric.dash }, whole, zoomed, weight, band !== 'none')];
  });
  if (none > 0) {
    const subject = `${plural(none, 'selected group')} ${none === 1 ? 'has' : 'have'}`;
    missing.push(`${subject} no ${pointsOf(name, live)}.`);
  }
  return lines;
}

function linesOfRuns(source: Source, metric: Metric, memory: LineMemory, counts: Counts, missing: string[]): Line[] {
  const { run_ids, slots, curve, band, weight, live } = source;
  const { settings, whole, place, dash } = metric;
  const { key, x_metric } = settings;
  let none = 0;
  const lines = run_ids.flatMap((run_id) => {
    const all = curve(run_id, whole);
    const part = settings.range && all ? curve(run_id, settings) : null;
    const slot = slots.get(run_id);
    none += Number(all === null && slot !== BASELINE);
    if (all === null && slot === BASELINE) {
      missing.push(noBaseline(key, live));
    }
    if (!all || slot === undefined) {
      return [];
    }
    count(counts, part ?? all);
    const label = labelOf(source.nameOfRun(run_id, all.name), slot, source.settings.length > 1 ? key : null);
    const named = { id: place === 0 ? run_id : `${run_id} ${key}`, mark: run_id, label, slot };
    return [memory.line({ ...named, ...dash }, all, part ?? null, weight, band !== 'none')];
  });
  if (none > 0) {
    const runs = `${plural(none, 'selected run')} ${none === 1 ? 'has' : 'have'}`;
    missing.push(
      x_metric === null || !live
        ? `${runs} no ${pointsOf(key, live)}.`
        : `${runs} no step with both ${key} and ${x_metric}.`,
    );
  }
  return lines;
}

function count(counts: Counts, curve: Curve): void {
  counts.drawn += curve.x.length;
  counts.total += curve.isThinned ? curve.total : curve.x.length;
  counts.nan += curve.nan;
  counts.infinite += curve.infinite;
  if (curve.joined !== null) {
    counts.joined = (counts.joined ?? 0) + curve.joined;
    counts.joinable += curve.total;
  }
}

/** A saved notebook has only some of the points. */
function pointsOf(key: string, live: boolean): string {
  return `${live ? '' : 'saved points of '}${key}`;
}

function noBaseline(key: string, live: boolean): string {
  return `The baseline has no ${pointsOf(key, live)}.`;
}

function labelOf(name: string, slot: number, metric: string | null): string {
  const shown = slot === BASELINE ? `baseline: ${name}` : name;
  return metric === null ? shown : `${shown}, ${metric}`;
}

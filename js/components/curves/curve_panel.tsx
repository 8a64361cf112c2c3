import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { isBaseline, type Line } from '../../chart/layers';
import { type Cursor, MOST_BANDS } from '../../chart/plot';
import { type Band, MOST_GROUP_CURVES, MOST_RUNS, type PanelView } from '../../contract';
import type { CurveSettings, Range } from '../../data/curves';
import { asCurve, type Grouping, MOST_MEMBERS } from '../../data/group_curves';
import type { Curve } from '../../data/series';
import { grouped, plural } from '../../logic/format';
import { nameOfKey } from '../../logic/groups';
import { withBaseline } from '../../logic/with_baseline';
import { same } from '../../state/view';
import { BASELINE } from '../../style/theme';
import { BarControls } from '../bars/bar_controls';
import { Bars, barsHeight } from '../bars/bars';
import { Chart } from '../chart/chart';
import { Problem } from '../problem/problem';
import type { CurvesProps } from './curves';
import { useInSight } from './in_sight';
import { Legend } from './legend';
import { LineMemory } from './lines';
import { PanelControls } from './panel_controls';
import type { Target } from './places';
import { ResizeHandle, type Size } from './resize_handle';

/** The heights of a plot that was not resized, in px: of a chart that is alone, and of one among others. */
const HEIGHT_ALONE = 300;
const HEIGHT = 220;
const WIDTH = 6;
/** How many runs the legend names: of a chart that is alone, and of one among others. */
const NAMED_ALONE = 10;
const NAMED = 4;

interface Props extends CurvesProps {
  id: number;
  index: number;
  /** Whether it is the only chart. */
  alone: boolean;
  /** Where a chart is being dragged to. */
  target: Signal<Target | null>;
  drag: (event: PointerEvent) => void;
  move: (to: number) => void;
  remove: () => void;
}

/** A chart of some metrics of the selected runs. Zooming in requests the points of that range. */
export function CurvePanel(props: Props) {
  const { connection, cache, groupCache, groups, query, panels, selection, pages, columns } = props;
  const { id, index, alone, target, drag, move, remove } = props;
  const first = useMemo(() => connection.first('curves'), []);
  const panel = useMemo(() => panels.panel(index), [panels, index]).value;
  const change = (fields: Partial<PanelView>) => panels.change(index, fields);
  const figure = useRef<HTMLElement>(null);
  // The first chart does not wait for the browser to look.
  const inSight = useInSight(figure, index === 0);
  const seen = useRef(false);
  seen.current ||= inSight.value;
  const options = useSignal(false);
  const resized = useSignal<Size | null>(null);
  // The slider is followed at once, and the view keeps where it was released.
  const weight = useSignal(panel.smoothing);
  useEffect(() => {
    weight.value = panel.smoothing;
  }, [panel.smoothing]);
  const cursor = useSignal<Cursor | null>(null);

  const own = columns.metrics.value;
  const system = columns.system.value;
  const metrics = useMemo(() => [...own, ...system], [own, system]);
  const keys = keysOf(panel.metrics, first?.payload.keys[0] ?? metrics[0]);
  const run_ids = selection.compared.value;
  const compared_ids = withBaseline(run_ids, selection.baseline.value, MOST_RUNS);
  const settings = useStable(settingsOf(panel, keys));
  useEffect(() => {
    // A metric of the last query may be on a page of columns that has not been loaded.
    const isGone = keys.length === 1 && !metrics.includes(keys[0]!);
    if (alone && metrics.length > 0 && isGone && columns.complete.peek()) {
      change({ metrics: [metrics[0]!], x_min: null, x_max: null });
    }
  }, [metrics]);
  const by = groups.by.value;
  const filter = query.filter.value;
  const grouping = useMemo((): Grouping | null => (by === null ? null : { filter, by }), [filter, by]);
  const groupKeys = selection.groups.value;
  const allKeys = withBaseline(groupKeys, selection.baselineGroup.value, MOST_GROUP_CURVES);
  const hasGroups = grouping !== null && allKeys.length > 0;
  // The mean of a group is known over steps and times only.
  const areKept = useMemo(() => connection.live || connection.first('group_curves') !== undefined, [connection]);
  const drawsGroups = hasGroups && panel.x_metric === null && areKept;
  const allMembers = drawsGroups && panel.members ? groupCache.members(grouping, groupKeys) : undefined;
  const members = allMembers?.slice(0, MOST_MEMBERS);
  const drawn_ids = useStable(
    members
      ? [...new Set([...compared_ids, ...members.map(({ run_id }) => run_id)])].slice(0, MOST_RUNS)
      : compared_ids,
  );
  const shownKeys = useStable(allKeys);
  const chart = useMemo(() => ({}), []);
  const isBars = panel.kind === 'bars';
  const isSeen = inSight.value && !isBars;
  useEffect(() => {
    if (isSeen) {
      cache.show(chart, drawn_ids, settings);
    } else {
      cache.hide(chart);
    }
  }, [cache, drawn_ids, settings, isSeen]);
  useEffect(() => {
    if (isSeen && drawsGroups) {
      groupCache.show(chart, grouping!, shownKeys, settings);
    } else {
      groupCache.hide(chart);
    }
  }, [groupCache, grouping, shownKeys, settings, isSeen, drawsGroups]);
  useEffect(() => {
    if (isSeen && drawsGroups && panel.members && !members) {
      groupCache.showMembers(grouping!, groupKeys);
    }
  }, [groupCache, grouping, groupKeys, isSeen, drawsGroups, panel.members, members]);
  useEffect(
    () => () => {
      cache.hide(chart);
      groupCache.hide(chart);
    },
    [cache, groupCache],
  );

  // Until something of the new settings is there, the picture of the settings before stays, with its own axis.
  const wanted = useSignal(settings);
  wanted.value = settings;
  const shownGroups = useSignal<{ grouping: Grouping; keys: readonly string[] } | null>(null);
  const nextGroups = useStable(drawsGroups ? { grouping: grouping!, keys: shownKeys } : null);
  shownGroups.value = nextGroups;
  const shownMembers = useSignal(members);
  shownMembers.value = members;
  const before = useRef(settings);
  const compared = useComputed(() => withBaseline(selection.compared.value, selection.baseline.value, MOST_RUNS));
  const shown = useComputed(() => {
    const isThere = compared.value.some((run_id) =>
      wanted.value.some((each) => cache.curve(run_id, { ...each, range: null }) !== undefined),
    );
    const whole = wanted.value.map((each) => ({ ...each, range: null }));
    const areGroupsThere = shownGroups.value?.keys.some((key) =>
      whole.some((each) => groupCurve(whole, key, each.key) !== undefined),
    );
    if (isThere || areGroupsThere || (compared.value.length === 0 && !shownGroups.value)) {
      before.current = wanted.value;
    }
    return before.current;
  });
  // One request reads the curves of all selected groups. Until its answer is there, those of the last selection stay.
  const keysBefore = useRef<readonly string[]>([]);
  const groupCurve = (all: readonly CurveSettings[], key: string, metric: string) => {
    if (!shownGroups.value) {
      return undefined;
    }
    const { grouping, keys } = shownGroups.value;
    const curve = groupCache.curve(grouping, keys, all, key, metric);
    if (curve !== undefined) {
      keysBefore.current = keys;
      return curve;
    }
    const { current: before } = keysBefore;
    return before.includes(key) ? groupCache.curve(grouping, before, all, key, metric) : undefined;
  };
  const nameOfRun = (run_id: string, saved: string | null = null) =>
    (pages.run(run_id) ?? columns.baselineRow(run_id))?.run_name ?? saved ?? run_id.slice(0, 8);
  const nameOfGroup = (key: string) => nameOfKey(key, groups.group(key) ?? groups.baselineRow(key));
  const noBaseline = (key: string) => `The baseline has no ${connection.live ? '' : 'saved points of '}${key}.`;
  const memory = useMemo(() => new LineMemory(), []);
  const band = useSignal(panel.band);
  band.value = panel.band;
  const isDifference = useSignal(false);
  isDifference.value = panel.difference && (selection.baseline.value ?? selection.baselineGroup.value) !== null;
  const last = useRef<Found>({ lines: [], counts: NONE, missing: [] });
  const found = useComputed((): Found => {
    if (!inSight.value) {
      return last.current;
    }
    const slots = selection.slots.value;
    const hasBand = band.value !== 'none';
    const lines: Line[] = [];
    const counts = { ...NONE };
    const missing: string[] = [];
    const several = shown.value.length > 1;
    const savedPoints = connection.live ? '' : 'saved points of ';
    const slotsOfGroups = selection.groupSlots.value;
    // The baseline is drawn on top of the others.
    const front: Line[] = [];
    /** How many lines have no difference, because the baseline does not reach to any of their points. */
    let apart = 0;
    const wholes = shown.value.map((each) => ({ ...each, range: null }));
    shown.value.forEach((each, place) => {
      const all = wholes[place]!;
      const own: Line[] = [];
      let reference: Line | null = null;
      const dash = several ? { dash: place } : {};
      let none = 0;
      for (const { run_id, run_name, group } of shownMembers.value ?? []) {
        const whole = slots.has(run_id) ? null : cache.curve(run_id, all);
        if (whole) {
          const named = {
            id: `${run_id} ${each.key}`,
            mark: run_id,
            label: run_name,
            slot: slotsOfGroups.get(group) ?? 0,
          };
          const part = each.range && cache.curve(run_id, each);
          own.push(memory.line({ ...named, ...dash, faint: true }, whole, part ?? null, 0, false));
        }
      }
      let noneOfGroups = 0;
      for (const key of shownGroups.value?.keys ?? []) {
        const found = groupCurve(wholes, key, each.key);
        const slot = slotsOfGroups.get(key) ?? 0;
        noneOfGroups += Number(found === null && slot !== BASELINE);
        if (found === null && slot === BASELINE) {
          missing.push(noBaseline(each.key));
        }
        if (found) {
          const part = each.range && groupCurve(shown.value, key, each.key);
          const whole = asCurve(found, band.value);
          count(counts, part ? asCurve(part, band.value) : whole);
          const named = {
            id: `group ${key} ${each.key}`,
            mark: key,
            label: labelOf(nameOfGroup(key), slot, several ? each.key : null),
            slot,
            counted: 'run' as const,
          };
          const zoomed = part ? asCurve(part, band.value) : null;
          const line = memory.line({ ...named, ...dash }, whole, zoomed, weight.value, hasBand);
          own.push(line);
          reference = isBaseline(line) ? line : reference;
        }
      }
      if (noneOfGroups > 0) {
        missing.push(
          `${plural(noneOfGroups, 'selected group')} ${noneOfGroups === 1 ? 'has' : 'have'} no ${savedPoints}${each.key}.`,
        );
      }
      for (const run_id of compared.value) {
        const whole = cache.curve(run_id, all);
        const part = each.range && whole ? cache.curve(run_id, each) : null;
        const slot = slots.get(run_id);
        none += Number(whole === null && slot !== BASELINE);
        if (whole === null && slot === BASELINE) {
          missing.push(noBaseline(each.key));
        }
        if (whole && slot !== undefined) {
          count(counts, part ?? whole);
          const named = {
            id: place === 0 ? run_id : `${run_id} ${each.key}`,
            mark: run_id,
            label: labelOf(nameOfRun(run_id, whole.name), slot, several ? each.key : null),
            slot,
            ...dash,
          };
          const line = memory.line(named, whole, part ?? null, weight.value, hasBand);
          own.push(line);
          reference = isBaseline(line) ? line : reference;
        }
      }
      const better = columns.lower.value.has(each.key) ? 'lower' : 'higher';
      for (const line of own) {
        if (!isDifference.value) {
          (isBaseline(line) ? front : lines).push(line);
        } else if (reference) {
          const difference = memory.difference(line, reference, isBaseline(line) ? undefined : better);
          (isBaseline(line) ? front : lines).push(difference);
          apart += Number(!line.faint && !difference.y.some(Number.isFinite) && line.y.some(Number.isFinite));
        }
      }
      if (none > 0) {
        const runs = `${plural(none, 'selected run')} ${none === 1 ? 'has' : 'have'}`;
        const { x_metric } = each;
        missing.push(
          x_metric === null || !connection.live
            ? `${runs} no ${savedPoints}${each.key}.`
            : `${runs} no step with both ${each.key} and ${x_metric}.`,
        );
      }
    });
    lines.push(...front);
    if (apart > 0) {
      missing.push(`${plural(apart, 'curve')} ${apart === 1 ? 'has' : 'have'} no point in the range of the baseline.`);
    }
    // Equal lines are the same array, so that nothing is drawn again when another chart gets an answer.
    const { lines: old } = last.current;
    const isEqual = lines.length === old.length && lines.every((line, i) => line === old[i]);
    last.current = {
      lines: isEqual ? old : lines,
      counts: same(counts, last.current.counts) ? last.current.counts : counts,
      missing,
    };
    return last.current;
  });
  const { lines, counts, missing } = found.value;
  const isThere = shown.value === settings;
  const ofGroups = shownGroups.value;
  const busy = useComputed(() => {
    const all = shownGroups.value;
    return cache.busy(wanted.value) || (all !== null && groupCache.busy(all.grouping, all.keys, wanted.value));
  }).value;
  const error = useComputed(() => {
    const all = shownGroups.value;
    return cache.error(wanted.value) ?? (all && groupCache.error(all.grouping, all.keys, wanted.value));
  }).value;

  const areSingle = lines.length > 0 && lines.every(({ x }) => x.length === 1);
  useEffect(() => {
    // A curve of one point says nothing, but an existing chart is left as the user has it.
    if (isThere && !busy && lines.length > 0 && panels.isFirstSight(id) && areSingle) {
      change({ kind: 'bars' });
    }
  }, [lines, busy, isThere]);

  const title = keys.join(', ');
  const size: Size = resized.value ?? {
    width: alone ? 12 : (panel.width ?? WIDTH),
    height:
      panel.height ??
      (isBars
        ? barsHeight(compared_ids.length + (hasGroups ? allKeys.length : 0), keys.length)
        : alone
          ? HEIGHT_ALONE
          : HEIGHT),
  };
  const drawn = shown.value;
  const frame = drawn[0] ?? settings[0] ?? { axis: panel.x_axis, x_metric: panel.x_metric, range: null };
  const [baselineRun, baselineGroup] = [selection.baseline.value ?? '', selection.baselineGroup.value ?? ''];
  const isOther = lines.some(isBaseline) && !run_ids.includes(baselineRun) && !groupKeys.includes(baselineGroup);
  const subjects = [
    ...(ofGroups && groupKeys.length > 0 ? [plural(groupKeys.length, 'group')] : []),
    ...(run_ids.length > 0 || !(ofGroups || isOther) ? [plural(run_ids.length, 'run')] : []),
    ...(isOther ? ['the baseline'] : []),
  ];
  const from = !isDifference.value
    ? undefined
    : baselineRun !== ''
      ? nameOfRun(baselineRun, drawn[0] && cache.curve(baselineRun, { ...drawn[0], range: null })?.name)
      : nameOfGroup(baselineGroup);
  const what = from === undefined ? '' : `, difference from ${from}`;
  const label = `${drawn.map(({ key }) => key).join(', ')} of ${subjects.join(' and ')}${what}`;
  const controls = isBars ? (
    <BarControls panel={panel} keys={keys} metrics={metrics} live={connection.live} change={change} />
  ) : (
    <PanelControls
      panel={panel}
      keys={keys}
      metrics={metrics}
      live={connection.live}
      hasBaseline={baselineRun !== '' || baselineGroup !== ''}
      hasGroups={hasGroups}
      weight={weight}
      change={change}
    />
  );
  const status = (
    <span class="nbt-loading" role="status">
      {busy ? 'Loading…' : ''}
    </span>
  );
  const isTarget = target.value?.to === index && target.value.from !== index;
  return (
    <figure
      ref={figure}
      class={`nbt-curve-panel ${isThere || isBars ? '' : 'nbt-old'} ${isTarget ? 'nbt-curve-target' : ''} ${target.value?.from === index ? 'nbt-curve-dragged' : ''}`}
      style={{ '--nbt-span': size.width }}
      data-panel={id}
      aria-label={title}
      aria-busy={busy}
    >
      {alone ? (
        <div class="nbt-curve-alone">
          {controls}
          {status}
        </div>
      ) : (
        <header class="nbt-curve-head">
          <button
            type="button"
            class="nbt-curve-title"
            title={`${title}\nDrag to move the chart. The arrow keys move it too.`}
            aria-label={`Chart ${index + 1}: ${title}. The arrow keys move it.`}
            onPointerDown={drag}
            onKeyDown={(event) => {
              const by = BY_KEY[event.key];
              if (by) {
                event.preventDefault();
                event.stopPropagation();
                move(index + by);
              }
            }}
          >
            {title}
          </button>
          {status}
          <button
            type="button"
            class="nbt-link nbt-curve-options"
            aria-expanded={options.value}
            aria-label={`Options of ${title}`}
            onClick={() => (options.value = !options.value)}
          >
            Options
          </button>
          <button
            type="button"
            class="nbt-link nbt-curve-remove"
            aria-label={`Remove the chart of ${title}`}
            title="Remove the chart"
            onClick={remove}
          >
            ×
          </button>
        </header>
      )}
      {!alone && options.value && controls}
      {keys.length === 0 ? (
        <p class="nbt-empty">The runs have no metrics yet.</p>
      ) : !seen.current ? (
        <div class="nbt-curve-waiting" style={{ height: `${size.height}px` }} />
      ) : isBars ? (
        <Bars
          {...props}
          metrics={keys}
          statistic={panel.statistic}
          log={panel.log}
          height={size.height}
          isResized={panel.height !== null || resized.value !== null}
          inSight={inSight}
        />
      ) : (
        <>
          <Chart
            lines={lines}
            label={label}
            xAxis={frame.x_metric === null ? frame.axis : 'metric'}
            xMetric={frame.x_metric ?? undefined}
            from={from}
            log={panel.log && from === undefined}
            logX={panel.log_x}
            height={size.height}
            range={frame.range}
            group={panels.shared.value && !alone ? `curves ${frame.x_metric ?? frame.axis}` : undefined}
            zoom={(next) => panels.zoom(index, next)}
            highlight={selection.marked}
            hover={(mark) => (selection.marked.value = mark)}
            cursor={(next) => (cursor.value = next)}
            odd={counts}
            allValues={panel.all_values}
            changeAllValues={(on) => change({ all_values: on })}
          />
          <Legend
            lines={lines}
            range={frame.range}
            cursor={cursor}
            marked={selection.marked}
            most={alone ? NAMED_ALONE : NAMED}
            from={from}
            metrics={drawn.length > 1 ? drawn.map(({ key }) => key) : []}
            lowestFirst={drawn.length > 0 && drawn.every(({ key }) => columns.lower.value.has(key))}
            isOutside={(run_id) => by === null && pages.isOutside(run_id)}
            style={(mark, slot) =>
              groupKeys.includes(mark) ? selection.setValueStyle(mark, slot) : selection.setStyle(mark, slot)
            }
            isStyled={(mark) => (groupKeys.includes(mark) ? selection.isChosen(mark) : selection.isStyled(mark))}
          />
        </>
      )}
      <div class="nbt-chart-notes" aria-live="polite" hidden={isBars}>
        {isThere && missing.slice(0, MOST_NOTES).map((text) => <span key={text}>{text}</span>)}
        {areSingle && frame.range === null && (
          <span>
            Each curve is a single point.{' '}
            <button type="button" class="nbt-link nbt-show-bars" onClick={() => change({ kind: 'bars' })}>
              Show as bars
            </button>
          </span>
        )}
        {counts.drawn < counts.total && (
          <span>
            Drawn: {grouped(counts.drawn)} means of {plural(counts.total, 'point')}.
            {lines.length <= MOST_BANDS &&
              panel.band !== 'none' &&
              !ofGroups &&
              ' The bands reach from the lowest to the highest value.'}
          </span>
        )}
        {ofGroups && lines.length > 0 && (
          <span>
            The mean of a group counts each of its runs once.{' '}
            {lines.some(endsEarly) && 'Some runs end earlier, so the last means are of fewer runs. '}
            {BANDS_OF_GROUPS[panel.band]}
          </span>
        )}
        {allMembers && allMembers.length > MOST_MEMBERS && (
          <span>The curves of the first {grouped(MOST_MEMBERS)} runs of the groups are drawn.</span>
        )}
        {hasGroups && !drawsGroups && panel.x_metric === null && (
          <span>The curves of groups are not kept in a saved notebook.</span>
        )}
        {hasGroups && panel.x_metric !== null && (
          <span>
            Groups are not drawn over another metric, because their runs reach its values at different steps.{' '}
            <button
              type="button"
              class="nbt-link"
              onClick={() => change({ x_metric: null, x_axis: 'step', x_min: null, x_max: null })}
            >
              Draw over steps
            </button>
          </span>
        )}
        {frame.x_metric !== null && counts.joined !== null && (
          <span>
            Joined to {frame.x_metric} by step, and drawn in its order: {grouped(counts.joined)} of{' '}
            {plural(counts.joinable, 'point')}.
          </span>
        )}
      </div>
      <Problem
        error={isBars ? null : error}
        retry={() => {
          cache.again();
          groupCache.again();
        }}
      />
      <ResizeHandle
        label={`Resize the chart of ${title}`}
        size={size}
        resized={resized}
        change={({ width, height }) => change(alone ? { height } : { width, height })}
      />
    </figure>
  );
}

/** Return whether the last mean of a group is over fewer runs than another one before it. */
function endsEarly({ counted, count }: Line): boolean {
  return (
    counted === 'run' && count != null && count.length > 0 && count.at(-1)! < count.reduce((a, b) => Math.max(a, b))
  );
}

const MOST_NOTES = 3;
const BANDS_OF_GROUPS: Readonly<Record<Band, string>> = {
  none: '',
  range: 'The bands reach from the lowest to the highest value of any run.',
  std: 'The bands are the mean plus and minus the standard deviation of the runs.',
  sem: 'The bands are the mean plus and minus the standard error.',
};
const BY_KEY: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

interface Counts {
  drawn: number;
  total: number;
  nan: number;
  infinite: number;
  /** How many points have a value of the metric on the x axis. */
  joined: number | null;
  /** Of how many points. */
  joinable: number;
}

interface Found {
  lines: readonly Line[];
  counts: Counts;
  /** What is said about runs without points. */
  missing: readonly string[];
}

const NONE: Counts = { drawn: 0, total: 0, nan: 0, infinite: 0, joined: null, joinable: 0 };

/** Count how many points are drawn of how many, and how many cannot be drawn. */
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

function labelOf(name: string, slot: number, metric: string | null): string {
  const shown = slot === BASELINE ? `baseline: ${name}` : name;
  return metric === null ? shown : `${shown}, ${metric}`;
}

function keysOf(chosen: readonly string[], first: string | undefined): readonly string[] {
  return chosen.length > 0 ? chosen : first === undefined ? [] : [first];
}

function settingsOf(panel: PanelView, keys: readonly string[]): CurveSettings[] {
  const { x_axis: axis, x_metric, x_min, x_max } = panel;
  const range: Range | null = x_min === null || x_max === null || x_min >= x_max ? null : [x_min, x_max];
  return keys.map((key) => ({ key, axis, x_metric, range }));
}

/** Return the same object as before if the new one has the same content. */
function useStable<T>(value: T): T {
  const last = useRef(value);
  if (!same(last.current, value)) {
    last.current = value;
  }
  return last.current;
}

import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { isBaseline } from '../../chart/layers';
import type { Cursor } from '../../chart/plot';
import { MOST_GROUP_CURVES, MOST_RUNS, type PanelView } from '../../contract';
import type { CurveSettings, Range } from '../../data/curves';
import type { Grouping } from '../../data/group_curves';
import { plural } from '../../logic/format';
import { nameOfKey } from '../../logic/groups';
import { withBaseline } from '../../logic/with_baseline';
import { same } from '../../state/view';
import { BarControls } from '../bars/bar_controls';
import { Bars, barsHeight } from '../bars/bars';
import { Chart } from '../chart/chart';
import { Problem } from '../problem/problem';
import type { CurvesProps } from './curves';
import { type Drawn, drawnLines, NO_COUNTS } from './drawn_lines';
import { useInSight } from './in_sight';
import { Legend } from './legend';
import { LineMemory } from './lines';
import { PanelControls } from './panel_controls';
import { PanelHead } from './panel_head';
import { PanelNotes } from './panel_notes';
import type { Target } from './places';
import { ResizeHandle, type Size } from './resize_handle';
import { usePanelCurves, useStable } from './use_panel_curves';

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
  const areKept = useMemo(() => connection.live || connection.first('group_curves') !== undefined, [connection]);
  // The mean of a group is known over steps and times only.
  const drawsGroups = hasGroups && panel.x_metric === null && areKept;
  const isBars = panel.kind === 'bars';
  const curves = usePanelCurves({
    ...{ cache, groupCache, selection, settings, groupKeys },
    run_ids: compared_ids,
    groups: useStable(drawsGroups ? { grouping, keys: allKeys } : null),
    withMembers: panel.members,
    isSeen: inSight.value && !isBars,
  });
  const { shown, busy, error } = curves;
  const nameOfRun = (run_id: string, saved: string | null = null) =>
    (pages.run(run_id) ?? columns.baselineRow(run_id))?.run_name ?? saved ?? run_id.slice(0, 8);
  const nameOfGroup = (key: string) => nameOfKey(key, groups.group(key) ?? groups.baselineRow(key));
  const memory = useMemo(() => new LineMemory(), []);
  const band = useSignal(panel.band);
  band.value = panel.band;
  const isDifference = useSignal(false);
  isDifference.value = panel.difference && (selection.baseline.value ?? selection.baselineGroup.value) !== null;
  const last = useRef<Drawn>({ lines: [], counts: NO_COUNTS, missing: [] });
  const found = useComputed((): Drawn => {
    if (!inSight.value) {
      return last.current;
    }
    const { lines, counts, missing } = drawnLines(
      {
        settings: shown.value,
        run_ids: curves.run_ids.value,
        groups: curves.groups.value?.keys ?? [],
        members: curves.members.value,
        curve: (run_id, each) => cache.curve(run_id, each),
        groupCurve: curves.groupCurve,
        slots: selection.slots.value,
        groupSlots: selection.groupSlots.value,
        ...{ nameOfRun, nameOfGroup },
        band: band.value,
        weight: weight.value,
        isDifference: isDifference.value,
        lower: columns.lower.value,
        live: connection.live,
      },
      memory,
    );
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
  const ofGroups = curves.groups.value;

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
        <PanelHead index={index} title={title} options={options} drag={drag} move={move} remove={remove}>
          {status}
        </PanelHead>
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
      {!isBars && (
        <PanelNotes
          lines={lines}
          counts={counts}
          missing={isThere ? missing : []}
          x_metric={frame.x_metric}
          range={frame.range}
          band={panel.band}
          areSingle={areSingle}
          ofGroups={ofGroups !== null}
          notDrawn={!hasGroups ? null : panel.x_metric !== null ? 'x_metric' : areKept ? null : 'saved'}
          hasMoreMembers={curves.hasMoreMembers}
          change={change}
        />
      )}
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

function keysOf(chosen: readonly string[], first: string | undefined): readonly string[] {
  return chosen.length > 0 ? chosen : first === undefined ? [] : [first];
}

function settingsOf(panel: PanelView, keys: readonly string[]): CurveSettings[] {
  const { x_axis: axis, x_metric, x_min, x_max } = panel;
  const range: Range | null = x_min === null || x_max === null || x_min >= x_max ? null : [x_min, x_max];
  return keys.map((key) => ({ key, axis, x_metric, range }));
}

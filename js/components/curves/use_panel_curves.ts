import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type ErrorReply, MOST_RUNS } from '../../contract';
import type { CurveSettings } from '../../data/curves';
import { type GroupCurve, type Grouping, type Member, MOST_MEMBERS } from '../../data/group_curves';
import { withBaseline } from '../../logic/with_baseline';
import { same } from '../../state/view';
import type { CurvesProps } from './curves';

/** The groups of a chart. */
export interface ShownGroups {
  grouping: Grouping;
  /** The keys of the selected ones and of the baseline. */
  keys: readonly string[];
}

interface Wanted extends Pick<CurvesProps, 'cache' | 'groupCache' | 'selection'> {
  settings: readonly CurveSettings[];
  /** The selected runs and the baseline. */
  run_ids: readonly string[];
  /** Null if the chart draws no groups. */
  groups: ShownGroups | null;
  /** The keys of the selected groups. */
  groupKeys: readonly string[];
  /** Whether the curves of the runs of these groups are drawn too. */
  withMembers: boolean;
  /** Whether the chart is in sight and shows curves. */
  isSeen: boolean;
}

interface PanelCurves {
  /** The settings of the curves that are there. */
  shown: ReadonlySignal<readonly CurveSettings[]>;
  run_ids: ReadonlySignal<readonly string[]>;
  groups: ReadonlySignal<ShownGroups | null>;
  members: ReadonlySignal<readonly Member[]>;
  /** Whether the groups have more runs than these. */
  hasMoreMembers: boolean;
  groupCurve: (all: readonly CurveSettings[], key: string, metric: string) => GroupCurve | null | undefined;
  busy: boolean;
  error: ErrorReply | null;
}

/**
 * Request the curves of a chart, and say which are there. Until something of new settings is there, the settings before stay,
 * so that the picture keeps its own axis.
 */
export function usePanelCurves(wanted: Wanted): PanelCurves {
  const { cache, groupCache, selection, settings, run_ids, groups, groupKeys, withMembers, isSeen } = wanted;
  const all = groups && withMembers ? groupCache.members(groups.grouping, groupKeys) : undefined;
  const members = all?.slice(0, MOST_MEMBERS);
  const drawn_ids = useStable(
    members ? [...new Set([...run_ids, ...members.map(({ run_id }) => run_id)])].slice(0, MOST_RUNS) : run_ids,
  );
  const chart = useMemo(() => ({}), []);
  useEffect(() => {
    if (isSeen) {
      cache.show(chart, drawn_ids, settings);
    } else {
      cache.hide(chart);
    }
  }, [cache, drawn_ids, settings, isSeen]);
  useEffect(() => {
    if (isSeen && groups) {
      groupCache.show(chart, groups.grouping, groups.keys, settings);
    } else {
      groupCache.hide(chart);
    }
  }, [groupCache, groups, settings, isSeen]);
  useEffect(() => {
    if (isSeen && groups && withMembers && !members) {
      groupCache.showMembers(groups.grouping, groupKeys);
    }
  }, [groupCache, groups, groupKeys, isSeen, withMembers, members]);
  useEffect(
    () => () => {
      cache.hide(chart);
      groupCache.hide(chart);
    },
    [cache, groupCache],
  );

  const settingsNow = useSignal(settings);
  settingsNow.value = settings;
  const groupsNow = useSignal(groups);
  groupsNow.value = groups;
  const membersNow = useSignal<readonly Member[]>(members ?? []);
  membersNow.value = useStable(members ?? []);
  // One request reads the curves of all selected groups. Until its answer is there, those of the last selection stay.
  const keysBefore = useRef<readonly string[]>([]);
  const groupCurve = (of: readonly CurveSettings[], key: string, metric: string) => {
    if (!groupsNow.value) {
      return undefined;
    }
    const { grouping, keys } = groupsNow.value;
    const curve = groupCache.curve(grouping, keys, of, key, metric);
    if (curve !== undefined) {
      keysBefore.current = keys;
      return curve;
    }
    const { current: before } = keysBefore;
    return before.includes(key) ? groupCache.curve(grouping, before, of, key, metric) : undefined;
  };
  const idsNow = useComputed(() => withBaseline(selection.compared.value, selection.baseline.value, MOST_RUNS));
  const before = useRef(settings);
  const shown = useComputed(() => {
    const whole = settingsNow.value.map((each) => ({ ...each, range: null }));
    const isThere = idsNow.value.some((run_id) => whole.some((each) => cache.curve(run_id, each) !== undefined));
    const areGroupsThere = groupsNow.value?.keys.some((key) =>
      whole.some((each) => groupCurve(whole, key, each.key) !== undefined),
    );
    if (isThere || areGroupsThere || (idsNow.value.length === 0 && !groupsNow.value)) {
      before.current = settingsNow.value;
    }
    return before.current;
  });
  const busy = useComputed(() => {
    const of = groupsNow.value;
    return cache.busy(settingsNow.value) || (of !== null && groupCache.busy(of.grouping, of.keys, settingsNow.value));
  }).value;
  const error = useComputed(() => {
    const of = groupsNow.value;
    return cache.error(settingsNow.value) ?? (of && groupCache.error(of.grouping, of.keys, settingsNow.value));
  }).value;
  const hasMoreMembers = all !== undefined && all.length > MOST_MEMBERS;
  return { shown, run_ids: idsNow, groups: groupsNow, members: membersNow, hasMoreMembers, groupCurve, busy, error };
}

/** Return the same object as before if the new one has the same content. */
export function useStable<T>(value: T): T {
  const last = useRef(value);
  if (!same(last.current, value)) {
    last.current = value;
  }
  return last.current;
}

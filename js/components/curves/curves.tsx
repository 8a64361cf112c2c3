import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { PanelView } from '../../contract';
import type { CurveCache } from '../../data/curves';
import type { GroupCurveCache } from '../../data/group_curves';
import type { ColumnState } from '../../state/columns';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';
import type { Panels } from '../../state/panels';
import type { QueryState } from '../../state/query';
import type { Selection } from '../../state/selection';
import { Check } from '../fields/fields';
import { AddChart } from './add_chart';
import { CurvePanel } from './curve_panel';
import { usePlaces } from './places';

export interface CurvesProps {
  connection: Connection;
  cache: CurveCache;
  groupCache: GroupCurveCache;
  groups: GroupPages;
  query: QueryState;
  panels: Panels;
  selection: Selection;
  pages: RunPages;
  columns: ColumnState;
}

/** The curves of the selected runs and groups: a grid of charts, each of which shows some metrics. */
export function Curves(props: CurvesProps) {
  const { cache, panels, selection, columns, connection } = props;
  const grid = useRef<HTMLDivElement>(null);
  const ids = panels.ids.value;
  /** The chart whose title has the focus after a move. */
  const focus = useRef<number | null>(null);
  const moved = useSignal('');
  /** The chart that was removed last, and how many were left. It can be put back until a chart is added or removed. */
  const removed = useSignal<{ panel: PanelView; index: number; left: number } | null>(null);
  const undo = useRef<HTMLButtonElement>(null);
  const remove = (index: number) => {
    removed.value = { panel: panels.remove(index), index, left: ids.length - 1 };
  };
  const restore = ({ index, panel }: { index: number; panel: PanelView }) => {
    removed.value = null;
    panels.restore(index, panel);
    focus.current = panels.ids.peek()[index] ?? null;
  };
  const last = removed.value?.left === ids.length ? removed.value : null;
  useLayoutEffect(() => {
    // The button that had the focus is gone.
    undo.current?.focus({ preventScroll: true });
  }, [last]);
  const move = (from: number, to: number, keepFocus: boolean) => {
    if (to !== from && to >= 0 && to < ids.length) {
      focus.current = keepFocus ? ids[from]! : null;
      panels.move(from, to);
      moved.value = `Chart ${to + 1} of ${ids.length}`;
    }
  };
  useLayoutEffect(() => {
    // An element that is moved in the document loses the focus.
    if (focus.current !== null) {
      grid.current?.querySelector<HTMLElement>(`[data-panel="${focus.current}"] .nbt-curve-title`)?.focus();
      focus.current = null;
    }
  }, [ids]);
  const places = usePlaces(grid, move);
  const busy = useComputed(() => cache.busy()).value;
  const hasBaseline = selection.baseline.value !== null || selection.baselineGroup.value !== null;
  const isEmpty = selection.ids.value.length === 0 && selection.groups.value.length === 0 && !hasBaseline;
  return (
    <section class="nbt-curves" aria-label="Curves" aria-busy={busy} data-charts={ids.length}>
      {isEmpty ? (
        <p class="nbt-empty">
          Select {props.groups.by.value === null ? 'runs' : 'groups or runs'} in the table to see their curves.
        </p>
      ) : (
        <>
          <div class="nbt-curve-grid" ref={grid}>
            {ids.map((id, index) => (
              <CurvePanel
                {...props}
                key={id}
                id={id}
                index={index}
                alone={ids.length === 1}
                target={places.target}
                drag={(event) => places.drag(event, index)}
                move={(to) => move(index, to, true)}
                remove={() => remove(index)}
              />
            ))}
          </div>
          <div class="nbt-controls nbt-curves-foot">
            {connection.live && <AddChart panels={panels} columns={columns} />}
            {last && (
              <span>
                The chart of {last.panel.metrics.join(', ') || 'the first metric'} was removed.{' '}
                <button type="button" class="nbt-link" ref={undo} onClick={() => restore(last)}>
                  Undo
                </button>
              </span>
            )}
            {ids.length > 1 && (
              <Check class="nbt-share-x" checked={panels.shared.value} change={(on) => panels.share(on)}>
                Share zoom and cursor
              </Check>
            )}
          </div>
        </>
      )}
      <div class="nbt-visually-hidden" aria-live="polite">
        {moved.value}
      </div>
    </section>
  );
}

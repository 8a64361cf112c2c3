import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import { MOST_BANDS } from '../../chart/plot';
import type { Connection } from '../../connection/connection';
import type { XAxis } from '../../contract';
import type { CurveCache, CurveSettings, Range } from '../../data/curves';
import type { Curve } from '../../data/series';
import { grouped, plural } from '../../logic/format';
import type { ColumnState } from '../../state/columns';
import type { RunPages } from '../../state/pages';
import type { Panels } from '../../state/panels';
import type { Selection } from '../../state/selection';
import { Chart } from '../chart/chart';
import { Check, Select } from '../fields/fields';
import { Problem } from '../problem/problem';
import { Legend } from './legend';
import { LineMemory } from './lines';
import { MetricField } from './metric_field';

const X_AXES: readonly (readonly [XAxis, string])[] = [
  ['step', 'Step'],
  ['relative', 'Time since start'],
  ['time', 'Wall time'],
];

interface Props {
  connection: Connection;
  cache: CurveCache;
  panels: Panels;
  selection: Selection;
  pages: RunPages;
  columns: ColumnState;
}

/** The curves of one metric of the selected runs. Zooming in requests the points of that range. */
export function Curves({ connection, cache, panels, selection, pages, columns }: Props) {
  const first = useMemo(() => connection.first('curves'), []);
  const panel = useMemo(() => panels.panel(0), [panels]);
  const { metrics: chosen, x_axis: axis, smoothing, log, x_min, x_max } = panel.value;
  const change = (fields: Partial<typeof panel.value>) => (panel.value = { ...panel.peek(), ...fields });
  // The slider is followed at once, and the view keeps where it was released.
  const weight = useSignal(smoothing);
  const hovered = useSignal<string | null>(null);
  useEffect(() => {
    weight.value = smoothing;
  }, [smoothing]);
  const own = columns.metrics.value;
  const system = columns.system.value;
  const metrics = useMemo(() => [...own, ...system], [own, system]);
  const key = chosen[0] ?? first?.payload.keys[0] ?? metrics[0] ?? '';
  const isKnown = metrics.includes(key);
  const run_ids = selection.compared.value;
  const range: Range | null = useMemo(
    () => (x_min === null || x_max === null || x_min >= x_max ? null : [x_min, x_max]),
    [x_min, x_max],
  );

  useEffect(() => {
    // A metric of the last query may be on a page of columns that has not been loaded.
    if (metrics.length > 0 && !isKnown && columns.complete.peek()) {
      change({ metrics: [metrics[0]!], x_min: null, x_max: null });
    }
  }, [metrics]);
  useEffect(() => {
    if (key !== '') {
      cache.show(run_ids, { key, axis, range });
    }
  }, [cache, run_ids, key, axis, range]);
  useEffect(() => () => cache.stop(), [cache]);

  // Until something of the new settings is there, the picture of the settings before stays, with its own axis.
  void cache.changes.value;
  const wanted: CurveSettings = { key, axis, range };
  const isThere =
    run_ids.length === 0 || run_ids.some((run_id) => cache.curve(run_id, { key, axis, range: null }) !== undefined);
  const before = useRef(wanted);
  if (isThere) {
    before.current = wanted;
  }
  const shown = before.current;
  const settings = useSignal(shown);
  if (JSON.stringify(settings.peek()) !== JSON.stringify(shown)) {
    settings.value = shown;
  }

  const memory = useMemo(() => new LineMemory(), []);
  const found = useComputed(() => {
    const { key, axis, range } = settings.value;
    return selection.compared.value.map((run_id) => {
      const whole = cache.curve(run_id, { key, axis, range: null });
      const part = range && whole ? cache.curve(run_id, { key, axis, range }) : null;
      return { run_id, whole, part };
    });
  });
  const lines = useComputed(() => {
    const slots = selection.slots.value;
    return found.value.flatMap(({ run_id, whole, part }): Line[] => {
      const slot = slots.get(run_id);
      if (!whole || slot === undefined) {
        return [];
      }
      const label = pages.run(run_id)?.run_name ?? whole.name ?? run_id.slice(0, 8);
      return [{ ...memory.line(whole, part ?? null, weight.value), id: run_id, label, slot }];
    });
  }).value;
  const counts = useComputed(() => countsOf(found.value.map(({ whole, part }) => part ?? whole))).value;
  const empty = found.value.filter(({ whole }) => whole === null).length;
  const isOutside = (run_id: string) => pages.isOutside(run_id);
  return (
    <section class={`nbt-curves ${isThere ? '' : 'nbt-old'}`} aria-label="Curves" aria-busy={cache.busy.value}>
      <div class="nbt-controls">
        <MetricField
          value={key}
          metrics={isKnown || key === '' ? metrics : [key, ...metrics]}
          change={(value) => change({ metrics: [value], x_min: null, x_max: null })}
        />
        <Select
          label="X axis"
          value={axis}
          options={connection.live ? X_AXES : X_AXES.filter(([value]) => value === axis)}
          change={(value) => change({ x_axis: value, x_min: null, x_max: null })}
        />
        <Check class="nbt-log" checked={log} change={(on) => change({ log: on })}>
          Log y
        </Check>
        <label class="nbt-field nbt-smoothing">
          Smoothing
          <input
            type="range"
            min="0"
            max="0.99"
            step="0.01"
            value={weight.value}
            onInput={(event) => (weight.value = Number(event.currentTarget.value))}
            onChange={(event) => change({ smoothing: Number(event.currentTarget.value) })}
          />
          <output>{weight.value.toFixed(2)}</output>
        </label>
        <span class="nbt-loading" role="status">
          {cache.busy.value ? 'Loading…' : ''}
        </span>
      </div>
      {run_ids.length === 0 ? (
        <p class="nbt-empty">Select runs in the table to see their curves.</p>
      ) : (
        <>
          <Chart
            lines={lines}
            label={`${shown.key} of ${plural(run_ids.length, 'run')}`}
            xAxis={shown.axis}
            log={log}
            height={300}
            range={shown.range}
            zoom={(next) => change({ x_min: next?.[0] ?? null, x_max: next?.[1] ?? null })}
            highlight={hovered}
            hover={(id) => (hovered.value = id)}
            odd={counts}
          />
          <Legend
            lines={lines}
            hovered={hovered}
            isOutside={isOutside}
            style={(run_id, slot) => selection.setStyle(run_id, slot)}
          />
        </>
      )}
      <div class="nbt-chart-notes" aria-live="polite">
        {isThere && empty > 0 && run_ids.length > 0 && (
          <span>
            {plural(empty, 'selected run')} {empty === 1 ? 'has' : 'have'} no{' '}
            {connection.live ? '' : 'saved points of '}
            {shown.key}.
          </span>
        )}
        {run_ids.length > 0 && counts.drawn < counts.total && (
          <span>
            Drawn: {grouped(counts.drawn)} means of {plural(counts.total, 'point')}.
            {lines.length <= MOST_BANDS && ' The bands reach from the lowest to the highest value.'}
          </span>
        )}
      </div>
      <Problem error={cache.error.value} retry={() => cache.again()} />
    </section>
  );
}

/** How many points are drawn of how many, and how many cannot be drawn. */
function countsOf(curves: readonly (Curve | null | undefined)[]) {
  const counts = { drawn: 0, total: 0, nan: 0, infinite: 0 };
  for (const curve of curves) {
    if (curve) {
      counts.drawn += curve.x.length;
      counts.total += curve.width > 0 ? curve.total : curve.x.length;
      counts.nan += curve.nan;
      counts.infinite += curve.infinite;
    }
  }
  return counts;
}

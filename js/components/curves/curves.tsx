import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type Answer, ask, type Connection } from '../../connection/connection';
import type { ErrorReply, XAxis } from '../../contract';
import { plural } from '../../logic/format';
import { align, pointsFor } from '../../logic/series';
import { smooth } from '../../logic/smoothing';
import type { ColumnState } from '../../state/columns';
import type { RunPages } from '../../state/pages';
import type { Selection } from '../../state/selection';
import { Chart, type ChartLine, type Range } from '../chart/chart';
import { Check, Select } from '../fields/fields';
import { Problem } from '../problem/problem';

const X_AXES: readonly (readonly [XAxis, string])[] = [
  ['step', 'Step'],
  ['relative', 'Time since start'],
  ['time', 'Wall time'],
];

interface Props {
  connection: Connection;
  selection: Selection;
  pages: RunPages;
  columns: ColumnState;
}

/** The curves of one metric of the selected runs. Zooming in requests the points of that range. */
export function Curves({ connection, selection, pages, columns }: Props) {
  const first = useMemo(() => connection.first('curves'), []);
  const key = useSignal(first?.payload.keys[0] ?? columns.metrics.peek()[0] ?? columns.system.peek()[0] ?? '');
  const xAxis = useSignal<XAxis>(first?.payload.x_axis ?? 'step');
  const log = useSignal(false);
  const weight = useSignal(0);
  const range = useSignal<Range | null>(null);
  const answer = useSignal<Answer<'curves'> | null>(first ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const fromSnapshot = useRef(first !== undefined);
  const run_ids = selection.compared.value;
  const own = columns.metrics.value;
  const system = columns.system.value;
  const metrics = useMemo(() => [...own, ...system], [own, system]);
  const known = metrics.includes(key.value);

  useEffect(() => {
    // A metric of the last query may be on a page of columns that has not been loaded.
    if (metrics.length > 0 && !known && (key.peek() === '' || columns.complete.peek())) {
      key.value = metrics[0]!;
    }
  }, [metrics]);
  useEffect(() => {
    if (run_ids.length === 0 || key.value === '') {
      answer.value = null;
      return;
    }
    // The answer in the snapshot is shown first. It is requested again together with the runs.
    if (fromSnapshot.current) {
      fromSnapshot.current = false;
      return;
    }
    const [x_min, x_max] = range.value ? widened(range.value) : [null, null];
    const payload = {
      run_ids,
      keys: [key.value],
      x_axis: xAxis.value,
      x_min,
      x_max,
      max_points: pointsFor(run_ids.length),
    };
    return ask(
      connection,
      'curves',
      payload,
      (got) => {
        answer.value = got;
        error.value = null;
      },
      (reply) => (error.value = reply),
    );
  }, [run_ids.join(), key.value, xAxis.value, range.value, again.value, pages.queries.value]);

  const lines = useComputed(() =>
    linesOf(answer.value, selection.slots.value, (run_id) => pages.run(run_id)?.run_name, weight.value),
  ).value;
  const hidden = useMemo(
    () =>
      align(
        lines.filter((line) => !line.faint),
        log.value,
      ).hidden,
    [lines, log.value],
  );
  const empty = run_ids.length - new Set(lines.map((line) => line.id.split('\n')[0])).size;
  return (
    <section class="nbt-curves" aria-label="Curves">
      <div class="nbt-controls">
        <Select
          label="Metric"
          class="nbt-metric-field"
          value={key.value}
          options={(known || key.value === '' ? metrics : [key.value, ...metrics]).map((name) => [name, name] as const)}
          change={(value) => {
            key.value = value;
            range.value = null;
          }}
        />
        <Select
          label="X axis"
          value={xAxis.value}
          options={connection.live ? X_AXES : X_AXES.filter(([value]) => value === xAxis.value)}
          change={(value) => {
            xAxis.value = value;
            range.value = null;
          }}
        />
        <Check class="nbt-log" checked={log.value} change={(on) => (log.value = on)}>
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
          />
          <output>{weight.value.toFixed(2)}</output>
        </label>
        {range.value && (
          <button type="button" class="nbt-button nbt-zoom-reset" onClick={() => (range.value = null)}>
            Reset zoom
          </button>
        )}
      </div>
      {run_ids.length === 0 ? (
        <p class="nbt-empty">Select runs in the table to see their curves.</p>
      ) : (
        <Chart
          lines={lines}
          label={`${key.value} of ${plural(run_ids.length, 'run')}`}
          xAxis={xAxis.value}
          log={log.value}
          height={300}
          range={range.value}
          zoom={(next) => (range.value = next)}
        />
      )}
      <div class="nbt-chart-notes" aria-live="polite">
        {answer.value && empty > 0 && run_ids.length > 0 && (
          <span>
            {plural(empty, 'selected run')} {empty === 1 ? 'has' : 'have'} no{' '}
            {connection.live ? '' : 'saved points of '}
            {key.value}
            {range.value ? ' in this range' : ''}.
          </span>
        )}
        {hidden > 0 && (
          <span>
            {plural(hidden, 'point')} {hidden === 1 ? 'is' : 'are'} not drawn because{' '}
            {hidden === 1 ? 'it is ' : 'they are '}
            {log.value ? 'zero, negative, ' : ''}NaN or infinite.
          </span>
        )}
      </div>
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </section>
  );
}

/** Return a slightly larger range than the one shown, so that lines reach the edge of the chart. */
function widened([from, to]: Range): Range {
  const margin = (to - from) / 10;
  return [from - margin, to + margin];
}

/** Return the lines of an answer. A smoothed line is drawn in front of its raw values, which are pale. */
function linesOf(
  answer: Answer<'curves'> | null,
  slots: ReadonlyMap<string, number>,
  nameOf: (run_id: string) => string | undefined,
  weight: number,
): ChartLine[] {
  const lines = (answer?.reply.series ?? []).flatMap((series, i): ChartLine[] => {
    const x = answer!.buffers[2 * i];
    const y = answer!.buffers[2 * i + 1];
    const slot = slots.get(series.run_id);
    if (!x || !y || slot === undefined || x.length === 0) {
      return [];
    }
    const label = nameOf(series.run_id) ?? series.run_id.slice(0, 8);
    const line = { id: series.run_id, label, slot, x, y };
    return weight > 0
      ? [
          { ...line, id: `${series.run_id}\nraw`, faint: true },
          { ...line, y: smooth(y, weight) },
        ]
      : [line];
  });
  return lines.sort((a, b) => Number(b.faint ?? false) - Number(a.faint ?? false));
}

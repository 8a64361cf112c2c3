import { type Signal, useSignal } from '@preact/signals';
import type { Band, PanelView, XAxis } from '../../contract';
import { Check, Select } from '../fields/fields';
import { KindField } from './kind_field';
import { MetricField } from './metric_field';
import { MetricFields } from './metric_fields';
import { SmoothingField } from './smoothing_field';

const X_AXES: readonly (readonly [XAxis, string])[] = [
  ['step', 'Step'],
  ['relative', 'Time since start'],
  ['time', 'Wall time'],
];
/** The choice of the x axis that stands for another metric. */
const METRIC = 'metric';
const BANDS: readonly (readonly [Band, string])[] = [
  ['std', 'Standard deviation'],
  ['sem', 'Standard error'],
  ['range', 'Lowest to highest'],
  ['none', 'None'],
];

interface Props {
  panel: PanelView;
  /** The metrics that are shown: those of the panel, or the first that there is. */
  keys: readonly string[];
  metrics: readonly string[];
  live: boolean;
  /** Whether a run or a group is the baseline. */
  hasBaseline: boolean;
  /** Whether the chart shows groups of runs. */
  hasGroups: boolean;
  /** The weight of the smoothing while the slider is moved. */
  weight: Signal<number>;
  change: (fields: Partial<PanelView>) => void;
}

/** The options of a chart: its metrics, axes, smoothing and bands. */
export function PanelControls({ panel, keys, metrics, live, hasBaseline, hasGroups, weight, change }: Props) {
  const { x_axis, x_metric, log, log_x, band, members, difference } = panel;
  /** Whether "Another metric" was chosen as the x axis, and no metric yet. */
  const choosing = useSignal(false);
  const known = (wanted: readonly string[]) => [...wanted.filter((key) => !metrics.includes(key)), ...metrics];
  const axis = choosing.value || x_metric !== null ? METRIC : x_axis;
  const axes: (readonly [XAxis | typeof METRIC, string])[] = [...X_AXES, [METRIC, 'Another metric']];
  const isDifference = difference && hasBaseline;
  return (
    <div class="nbt-controls nbt-curve-controls">
      <MetricFields keys={keys} metrics={metrics} live={live} change={change} />
      <KindField kind={panel.kind} change={change} />
      <Select
        label="X axis"
        value={axis}
        options={live ? axes : axes.filter(([value]) => value === axis)}
        change={(value) => {
          choosing.value = value === METRIC;
          if (value !== METRIC) {
            change({ x_axis: value, x_metric: null, ...(value === 'time' && { log_x: false }) });
          }
        }}
      />
      {axis === METRIC && (
        <MetricField
          label="Metric of the x axis"
          value={x_metric ?? ''}
          metrics={known(x_metric === null ? [] : [x_metric])}
          change={(value) => value !== '' && change({ x_metric: value })}
        />
      )}
      {axis !== 'time' && (
        <Check class="nbt-log-x" checked={log_x} change={(on) => change({ log_x: on })}>
          Log x
        </Check>
      )}
      <Check
        class="nbt-log"
        checked={log && !isDifference}
        reason={isDifference ? 'Differences can be negative, so their axis cannot be logarithmic.' : undefined}
        change={(on) => change({ log: on })}
      >
        Log y
      </Check>
      <Check
        class="nbt-from-baseline"
        checked={isDifference}
        reason={hasBaseline ? undefined : 'Choose a baseline above the table first.'}
        change={(on) => change({ difference: on })}
      >
        Difference from the baseline
      </Check>
      <SmoothingField weight={weight} change={(smoothing) => change({ smoothing })} />
      {hasGroups ? (
        <>
          <Select label="Band" value={band} options={BANDS} change={(value) => change({ band: value })} />
          <Check class="nbt-members" checked={members} change={(on) => change({ members: on })}>
            Every curve of the group
          </Check>
        </>
      ) : (
        <Check class="nbt-bands" checked={band !== 'none'} change={(on) => change({ band: on ? 'std' : 'none' })}>
          Bands
        </Check>
      )}
    </div>
  );
}

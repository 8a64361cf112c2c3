import type { BarStatistic, PanelView } from '../../contract';
import { KindField } from '../curves/kind_field';
import { MetricFields } from '../curves/metric_fields';
import { Check, Select } from '../fields/fields';

const STATISTICS: readonly (readonly [BarStatistic, string])[] = [
  ['last', 'Last'],
  ['best', 'Best'],
  ['first', 'First'],
  ['mean', 'Mean'],
];

interface Props {
  panel: PanelView;
  keys: readonly string[];
  metrics: readonly string[];
  live: boolean;
  change: (fields: Partial<PanelView>) => void;
}

/** The options of a chart of bars: its metrics, which value of each, and whether their lengths are logarithmic. */
export function BarControls({ panel, keys, metrics, live, change }: Props) {
  return (
    <div class="nbt-controls nbt-curve-controls">
      <MetricFields keys={keys} metrics={metrics} live={live} change={change} />
      <KindField kind={panel.kind} change={change} />
      <Select
        label="Value"
        value={panel.statistic}
        options={STATISTICS}
        change={(value) => change({ statistic: value })}
      />
      <Check class="nbt-log" checked={panel.log} change={(on) => change({ log: on })}>
        Log scale
      </Check>
    </div>
  );
}

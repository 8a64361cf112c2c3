import type { PanelView } from '../../contract';
import { KindField } from '../curves/kind_field';
import { MetricFields } from '../curves/metric_fields';
import { Check } from '../fields/fields';

interface Props {
  panel: PanelView;
  keys: readonly string[];
  metrics: readonly string[];
  live: boolean;
  change: (fields: Partial<PanelView>) => void;
}

/** The options of a chart of bars: its metrics, and whether their lengths are logarithmic. */
export function BarControls({ panel, keys, metrics, live, change }: Props) {
  return (
    <div class="nbt-controls nbt-curve-controls">
      <MetricFields keys={keys} metrics={metrics} live={live} change={change} />
      <KindField kind={panel.kind} change={change} />
      <Check class="nbt-log" checked={panel.log} change={(on) => change({ log: on })}>
        Log scale
      </Check>
    </div>
  );
}

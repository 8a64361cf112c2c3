import type { PanelView } from '../../contract';
import { Swatch } from '../swatch/swatch';
import { MetricField } from './metric_field';

interface Props {
  /** The metrics that are shown. */
  keys: readonly string[];
  metrics: readonly string[];
  live: boolean;
  change: (fields: Partial<PanelView>) => void;
}

/** The metrics of a chart: the first one, those that were added to it, and a field that adds another. */
export function MetricFields({ keys, metrics, live, change }: Props) {
  const [first = '', ...others] = keys;
  const rest = metrics.filter((key) => !keys.includes(key));
  return (
    <>
      <MetricField
        label="Metric"
        value={first}
        metrics={first === '' || metrics.includes(first) ? metrics : [first, ...metrics]}
        change={(value) => change({ metrics: [value, ...others.filter((key) => key !== value)] })}
      />
      {others.map((key, i) => (
        <span key={key} class="nbt-curve-metric">
          <Swatch slot={null} dash={i + 1} />
          <span title={key}>{key}</span>
          <button
            type="button"
            class="nbt-link"
            aria-label={`Remove ${key} from the chart`}
            onClick={() => change({ metrics: keys.filter((each) => each !== key) })}
          >
            ×
          </button>
        </span>
      ))}
      {live && rest.length > 0 && (
        <MetricField
          label="Add metric"
          value=""
          metrics={rest}
          change={(value) => value !== '' && change({ metrics: [...keys, value] })}
        />
      )}
    </>
  );
}

import { useMemo } from 'preact/hooks';
import type { Line } from '../../chart/layers';
import type { Answer } from '../../connection/connection';
import { curveOf } from '../../data/series';
import { exactNumber, formatNumber } from '../../logic/format';
import { Chart } from '../chart/chart';
import { Swatch } from '../swatch/swatch';

interface PanelProps {
  title: string;
  keys: string[];
  answer: Answer<'live'>;
  /** A common prefix of the keys, which the legend leaves out. */
  omit?: string;
}

/** The curves of related metrics, with the last value of each. */
export function PanelChart({ title, keys, answer, omit = '' }: PanelProps) {
  const { lines, odd } = useMemo(() => linesOf(keys, answer), [keys.join('\n'), answer]);
  return (
    <figure class="nbt-panel" data-panel={title}>
      <figcaption class="nbt-panel-title">{title}</figcaption>
      <Chart
        lines={lines}
        label={`${title}: ${keys.join(', ')} by step`}
        xAxis="step"
        log={false}
        height={190}
        group={`live ${answer.reply.run.run_id}`}
        odd={odd}
      />
      <ul class="nbt-legend">
        {keys.map((key, slot) => (
          <li key={key} data-key={key}>
            <Swatch slot={slot} />
            <span class="nbt-legend-key" title={key}>
              {key.slice(omit.length)}
            </span>
            <span class="nbt-legend-value" title={exactNumber(answer.reply.run.metrics[key])}>
              {formatNumber(answer.reply.run.metrics[key])}
            </span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** Return the lines of a panel, and how many of the points that were sent are not finite. */
function linesOf(keys: string[], { reply, buffers }: Answer<'live'>) {
  const odd = { nan: 0, infinite: 0 };
  const lines = reply.series.flatMap((series, i): Line[] => {
    const slot = keys.indexOf(series.key);
    const curve = slot === -1 ? null : curveOf(series, buffers, i);
    if (!curve) {
      return [];
    }
    odd.nan += curve.nan;
    odd.infinite += curve.infinite;
    return [{ id: series.key, label: series.key, slot, x: curve.x, y: curve.y, odd: curve.odd }];
  });
  return { lines, odd };
}

import type { Answer } from '../../connection/connection';
import { exactNumber, formatNumber } from '../../logic/format';
import { Chart, type ChartLine } from '../chart/chart';
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
  const lines = linesOf(keys, answer);
  return (
    <figure class="nbt-panel" data-panel={title}>
      <figcaption class="nbt-panel-title">{title}</figcaption>
      <Chart lines={lines} label={`${title}: ${keys.join(', ')} by step`} xAxis="step" log={false} height={190} />
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

function linesOf(keys: string[], { reply, buffers }: Answer<'live'>): ChartLine[] {
  return reply.series.flatMap((series, i): ChartLine[] => {
    const slot = keys.indexOf(series.key);
    const x = buffers[2 * i];
    const y = buffers[2 * i + 1];
    return slot === -1 || !x || !y ? [] : [{ id: series.key, label: series.key, slot, x, y }];
  });
}

import { useRef } from 'preact/hooks';
import type { Progress } from '../../contract';
import { formatDuration, formatNumber, grouped } from '../../logic/format';

/** How far a run is: a bar and the time left, or if the total is not known, how many it does in a second. */
export function ProgressBar({ progress, isRunning }: { progress: Progress; isRunning: boolean }) {
  const { done, total, label, seconds_left, at } = progress;
  const first = useRef(progress);
  if (first.current.label !== label || first.current.done > done) {
    first.current = progress;
  }
  const seconds = (at - first.current.at) / 1000;
  const rate = seconds > 0 ? (done - first.current.done) / seconds : null;
  const count = (value: number) => (Number.isInteger(value) ? grouped(value) : formatNumber(value));
  const parts = [
    total === null ? count(done) : `${count(done)} of ${count(total)}`,
    ...(total === null || total <= 0 ? [] : [`${Math.floor((100 * done) / total)} %`]),
    ...(!isRunning
      ? []
      : seconds_left !== null
        ? [`${formatDuration(1000 * seconds_left)} left`]
        : rate !== null && total === null
          ? [`${formatNumber(rate)} a second`]
          : []),
  ];
  const text = parts.join(', ');
  return (
    <div class="nbt-progress">
      <span class="nbt-progress-label" title={label}>
        {label || 'Progress'}
      </span>
      <div
        class={`nbt-progress-bar ${total === null && isRunning ? 'nbt-progress-unknown' : ''}`}
        role="progressbar"
        aria-label={label || 'Progress'}
        aria-valuetext={text}
        {...(total !== null && { 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': Math.min(done, total) })}
      >
        <div
          style={{ width: total === null ? undefined : `${total > 0 ? Math.min(100, (100 * done) / total) : 100}%` }}
        />
      </div>
      <span class="nbt-progress-text">{text}</span>
    </div>
  );
}

import type { ComponentChildren } from 'preact';
import type { Number as Value } from '../../contract';
import { exactNumber, formatNumber, toNumber } from '../../logic/format';

/** The largest number of digits of a param that is shown as it was logged. */
const MOST_DIGITS = 9;

interface Props {
  /** The value of a metric, or a string that was logged. Null or undefined if the run does not have one. */
  value: Value | string | null | undefined;
  /** Whether the value is that of a metric. */
  metric?: boolean;
  best?: boolean;
  bestTitle?: string;
  /** The value of the baseline, from which the difference is shown. */
  baseline?: Value | null | undefined;
  lowerIsBetter?: boolean;
  /** What stands between the value and the difference. */
  children?: ComponentChildren;
}

/** A value of a run, in the run table and side by side with those of other runs. */
export function ValueText({ value, metric, best, bestTitle, baseline, lowerIsBetter, children }: Props) {
  if (value === null || value === undefined) {
    return null;
  }
  const text = metric ? formatNumber(value as Value) : shortParam(String(value));
  return (
    <>
      {best ? (
        <b class="nbt-best" title={bestTitle ?? 'Best of the matching runs'}>
          {text}
        </b>
      ) : (
        text
      )}
      {children}
      {baseline !== null && baseline !== undefined && (
        <Difference difference={toNumber(value as Value) - toNumber(baseline)} lowerIsBetter={lowerIsBetter} />
      )}
    </>
  );
}

interface DifferenceProps {
  difference: number;
  lowerIsBetter?: boolean | undefined;
  /** What the value differs from. */
  from?: string;
}

/** A difference, and whether it is better or worse. */
export function Difference({ difference, lowerIsBetter, from = 'the baseline' }: DifferenceProps) {
  if (!Number.isFinite(difference)) {
    return null;
  }
  const side = difference === 0 ? 'same' : difference < 0 === Boolean(lowerIsBetter) ? 'better' : 'worse';
  const mark = { same: '=', better: '▲', worse: '▼' }[side];
  return (
    <span
      class={`nbt-difference nbt-${side}`}
      title={difference === 0 ? `the same as ${from}` : `${side} than ${from}`}
    >
      {mark}
      {difference === 0 ? '' : `${difference > 0 ? '+' : ''}${formatNumber(difference)}`}
    </span>
  );
}

/** Return a param as it was logged, or rounded if it is a number of very many digits. */
export function shortParam(text: string): string {
  const isLong = text.length > MOST_DIGITS && /^-?\d*\.\d+(e[-+]?\d+)?$/i.test(text);
  return isLong ? formatNumber(Number(text)) : text;
}

/** Return the whole value, for a tooltip. */
export function wholeValue(value: Value | string | null | undefined, metric: boolean): string {
  return value === null || value === undefined ? 'not set' : metric ? exactNumber(value as Value) : String(value);
}

import type { Number as Value } from '../contract';

/** Return a number from JSON, in which NaN and infinity are strings. */
export function toNumber(value: Value | null | undefined): number {
  return value == null ? NaN : Number(value);
}

/** Format a number with four significant digits: 0.9731, 12, 1234567, 3.2e−5, NaN, ∞, −∞. */
export function formatNumber(value: Value | null | undefined): string {
  if (value == null) {
    return '';
  }
  const number = Number(value);
  if (Number.isNaN(number)) {
    return 'NaN';
  }
  if (!Number.isFinite(number)) {
    return number > 0 ? '∞' : '−∞';
  }
  const size = Math.abs(number);
  let text: string;
  if (number === 0) {
    text = '0';
  } else if (size >= 1e7 || size < 1e-4) {
    text = number
      .toExponential(3)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  } else if (Number.isInteger(number) || size >= 1000) {
    text = size >= 1000 && !Number.isInteger(number) ? number.toFixed(1) : String(number);
  } else {
    text = number.toPrecision(4);
  }
  return text.replaceAll('-', '−');
}

/** Format the ticks of an axis with as many digits as it takes to tell neighbors apart. No tick is an empty label. */
export function tickNumbers(values: readonly (number | null)[]): string[] {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const gaps = known.map((value, i) => (i === 0 ? 0 : value - known[i - 1]!)).filter((gap) => gap > 0);
  const most = Math.max(...known.map(Math.abs), 0);
  const digits = gaps.length > 0 ? Math.ceil(Math.log10(most / Math.min(...gaps))) + 1 : 0;
  return values.map((value) => (value === null ? '' : tickNumber(value, Math.min(15, Math.max(6, digits || 0)))));
}

/** Format a tick of an axis without trailing zeros and rounding errors. */
export function tickNumber(value: number, digits = 6): string {
  const text = Number(value.toPrecision(digits));
  return (text !== 0 && (Math.abs(text) >= 1e6 || Math.abs(text) < 1e-4) ? text.toExponential() : String(text))
    .replace('e+', 'e')
    .replaceAll('-', '−');
}

/** Format a number with all its digits, for tooltips. */
export function exactNumber(value: Value | null | undefined): string {
  return value == null ? '' : String(Number(value)).replace('-', '−');
}

/** Format a duration: 0.4 s, 12 s, 3 min 05 s, 2 h 14 min, 3 d 4 h. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  }
  if (whole < 86400) {
    return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  }
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** Format a local time: 14:05:09 on the day of `now`, 23 Nov 14:05 in the same year, 2024-11-23 otherwise. */
export function formatTime(time: number, now: number = Date.now()): string {
  const date = new Date(time);
  const today = new Date(now);
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.toDateString() === today.toDateString()) {
    return `${clock}:${two(date.getSeconds())}`;
  }
  if (date.getFullYear() === today.getFullYear()) {
    return `${date.getDate()} ${MONTHS[date.getMonth()]} ${clock}`;
  }
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Format a number of bytes: 512 B, 3.4 kB, 120 MB. */
export function formatBytes(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 999.5 && unit < BYTES.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${BYTES[unit]}`;
}

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 1,204. */
export function grouped(count: number): string {
  return count.toLocaleString('en');
}

/** 1,204 versions. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** 20 of 1,204 versions. */
export function ofAll(count: number, total: number, noun: string): string {
  return `${grouped(count)} of ${plural(total, noun)}`;
}

import { computed, useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { DiffReply, DiffRow } from '../../contract';
import { columnWindow } from '../../logic/column_model';
import { grouped, plural, toNumber } from '../../logic/format';
import { spreadText, statisticsText } from '../../logic/groups';
import { commonParts } from '../../logic/shorten';
import { rowWindow } from '../../logic/window';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';
import { ValueText } from '../value/value';

const SECTIONS: readonly (readonly [DiffRow['section'], string])[] = [
  ['param', 'Params'],
  ['metric', 'Metrics'],
  ['dataset', 'Datasets'],
  ['tag', 'Tags'],
  ['info', 'Run'],
  ['system', 'System metrics'],
];

/** Sections in which runs always differ. */
export const EXPECTED: ReadonlySet<DiffRow['section']> = new Set(['info', 'system']);
/** The sections whose values are summarized for groups. */
const SUMMARIZED: ReadonlySet<DiffRow['section']> = new Set(['param', 'metric', 'system']);

const ROW_HEIGHT = 24;
const KEY_WIDTH = 180;
const RUN_WIDTH = 150;
/** How much wider columns are while there is a baseline, and while there are groups, in px. */
const DIFFERENCE_WIDTH = 70;
const GROUP_WIDTH = 50;

/** A run or a group in a column. */
export interface Subject {
  kind: 'run' | 'group';
  /** Its place among the runs or the groups of the reply. */
  at: number;
  /** The ID of the run, or the key of the group. */
  id: string;
  name: string;
  /** The number of runs of the group. */
  runs: number;
  slot: number | undefined;
  isBaseline: boolean;
}

interface Props {
  diff: DiffReply;
  /** What is in the columns, in their order. */
  subjects: readonly Subject[];
  /** The metrics for which lower values are better. */
  lower: ReadonlySet<string>;
  onlyDifferences: boolean;
}

type Line = { title: string } | DiffRow;

/** The table. Only the rows and columns in sight are in the page, because there can be very many of both. */
export function DiffTable({ diff, subjects, lower, onlyDifferences }: Props) {
  const scroll = useSignal({ top: 0, left: 0 });
  const size = useSignal({ height: 300, width: 600 });
  const scroller = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => {
      size.value = { height: element.clientHeight || 300, width: element.clientWidth || 600 };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const lines = useMemo(
    () =>
      SECTIONS.flatMap(([section, title]): Line[] => {
        const rows = diff.rows.filter((row) => row.section === section && (row.differs || !onlyDifferences));
        return rows.length > 0 ? [{ title }, ...rows] : [];
      }),
    [diff, onlyDifferences],
  );
  const common = useMemo(() => commonParts(subjects.map(({ name }) => name)), [subjects]);
  const baseline = subjects.find(({ isBaseline }) => isBaseline);
  const count = subjects.length;
  const width =
    RUN_WIDTH + (baseline ? DIFFERENCE_WIDTH : 0) + (subjects.some(({ kind }) => kind === 'group') ? GROUP_WIDTH : 0);
  const at = useMemo(() => Array.from({ length: count + 1 }, (_, i) => i * width), [count, width]);
  // The window as a string, so that the table renders again only when it has moved.
  const place = useMemo(
    () =>
      computed(() => {
        const rows = rowWindow(scroll.value.top, size.value.height, ROW_HEIGHT, lines.length);
        const runs = columnWindow(at, scroll.value.left, size.value.width - KEY_WIDTH);
        return [rows.first, rows.end, runs.first, runs.end].join();
      }),
    [lines, at],
  );
  const [first, end, left, right] = place.value.split(',').map(Number) as [number, number, number, number];
  const shown = subjects.slice(left, right);
  const before = left * width;
  const after = (count - right) * width;
  return (
    <section
      class="nbt-diff-scroll"
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, nobody could scroll here with the keyboard
      tabIndex={0}
      aria-label="Params and metrics side by side"
      onScroll={(event) => {
        const { scrollTop: top, scrollLeft } = event.currentTarget;
        scroll.value = { top, left: scrollLeft };
      }}
    >
      <table
        class="nbt-table nbt-diff-table"
        aria-rowcount={lines.length + 1}
        aria-colcount={count + 1}
        style={{ width: `${KEY_WIDTH + count * width}px` }}
      >
        <colgroup>
          <col style={{ width: `${KEY_WIDTH}px` }} />
          <col style={{ width: `${before}px` }} />
          {shown.map(({ kind, id }) => (
            <col key={`${kind} ${id}`} style={{ width: `${width}px` }} />
          ))}
          <col style={{ width: `${after}px` }} />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="nbt-pinned nbt-pin-0">
              Key
            </th>
            <td class="nbt-gap" aria-hidden="true" />
            {shown.map((subject, i) => (
              <th
                key={`${subject.kind} ${subject.id}`}
                scope="col"
                aria-colindex={left + i + 2}
                title={`${subject.name}${subject.kind === 'group' ? `\n${plural(subject.runs, 'run')}` : ''}`}
              >
                <span class="nbt-diff-name">
                  <Swatch slot={subject.slot} />
                  <Name text={subject.name} common={common} />
                  {subject.kind === 'group' && <span class="nbt-nested-count">{grouped(subject.runs)}</span>}
                  {subject.isBaseline && <span class="nbt-baseline-mark">baseline</span>}
                </span>
              </th>
            ))}
            <td class="nbt-gap" aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          <Space height={first * ROW_HEIGHT} />
          {lines.slice(first, end).map((line, i) =>
            'title' in line ? (
              <tr key={line.title} class="nbt-diff-section" aria-rowindex={first + i + 2}>
                <th colSpan={right - left + 3} scope="rowgroup">
                  <span>{line.title}</span>
                </th>
              </tr>
            ) : (
              <DiffLine
                key={`${line.section} ${line.key}`}
                row={line}
                index={first + i + 2}
                subjects={shown}
                left={left}
                baseline={baseline}
                lowerIsBetter={lower.has(line.key)}
              />
            ),
          )}
          <Space height={(lines.length - end) * ROW_HEIGHT} />
        </tbody>
      </table>
    </section>
  );
}

interface LineProps {
  row: DiffRow;
  index: number;
  subjects: readonly Subject[];
  /** How many columns are left of these. */
  left: number;
  baseline: Subject | undefined;
  lowerIsBetter: boolean;
}

function DiffLine({ row, index, subjects, left, baseline, lowerIsBetter }: LineProps) {
  const reference = baseline && row.section === 'metric' ? numberIn(row, baseline) : null;
  return (
    <tr class={row.differs ? 'nbt-differs' : ''} data-section={row.section} data-key={row.key} aria-rowindex={index}>
      <th scope="row" class="nbt-pinned nbt-pin-0" title={row.key}>
        <Name text={row.key} />
        {row.differs && <span class="nbt-visually-hidden"> differs</span>}
      </th>
      <td class="nbt-gap" aria-hidden="true" />
      {subjects.map((subject, i) => {
        const compared = { baseline: subject.isBaseline ? null : reference, lowerIsBetter };
        const [text, content] =
          subject.kind === 'run' ? runCell(row, subject.at, compared) : groupCell(row, subject, compared);
        return (
          <td
            key={`${subject.kind} ${subject.id}`}
            aria-colindex={left + i + 2}
            title={text}
            class={content === MISSING ? 'nbt-missing' : ''}
          >
            {content}
          </td>
        );
      })}
      <td class="nbt-gap" aria-hidden="true" />
    </tr>
  );
}

const MISSING = '–';

interface Compared {
  baseline: number | null;
  lowerIsBetter: boolean;
}

/** Return the value of a run in words and as it is shown. */
function runCell({ section, values }: DiffRow, at: number, compared: Compared): [string, ComponentChild] {
  const value = values[at] ?? null;
  if (value === null) {
    return ['not set', MISSING];
  }
  const isMetric = section === 'metric' || section === 'system';
  return [value, isMetric ? <ValueText value={metricOf(value)} metric {...compared} /> : <ValueText value={value} />];
}

/** Return the summary of a group in words and as it is shown. */
function groupCell({ section, groups }: DiffRow, { at, runs }: Subject, compared: Compared): [string, ComponentChild] {
  if (!SUMMARIZED.has(section)) {
    return ['', ''];
  }
  const { value = null, differing = 0, statistics = null } = groups?.[at] ?? {};
  if (statistics) {
    const { n, mean, std } = statistics;
    return [
      statisticsText(statistics, runs),
      <ValueText key="mean" value={mean} metric {...compared}>
        {std !== null && <span class="nbt-std">±{spreadText(std)}</span>}
        {n < runs && (
          <span class="nbt-std">
            {' '}
            {n} of {grouped(runs)}
          </span>
        )}
      </ValueText>,
    ];
  }
  if (differing > 0) {
    const text = plural(differing, 'value');
    return [
      `${plural(runs, 'run')} with ${text}`,
      <span key="values" class="nbt-muted">
        {text}
      </span>,
    ];
  }
  return value === null ? ['not set', MISSING] : [value, <ValueText key="value" value={value} />];
}

/** Return the number that a run or a group has in a row of a metric, or null if it has none. */
function numberIn({ values, groups }: DiffRow, { kind, at }: Subject): number | null {
  if (kind === 'run') {
    const value = values[at] ?? null;
    return value === null ? null : metricOf(value);
  }
  const mean = groups?.[at]?.statistics?.mean ?? null;
  return mean === null ? null : toNumber(mean);
}

function Space({ height }: { height: number }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: this row cannot have the focus
  return height > 0 ? <tr class="nbt-space" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

/** Return the number that a metric's value stands for, as Python or this page writes it. */
function metricOf(text: string): number {
  return Number(text.replace('−', '-').replace(/∞|\binf\b/, 'Infinity'));
}

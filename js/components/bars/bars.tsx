import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import type { BarStatistic } from '../../contract';
import { type Bar, type BarScale, barScale, sortedBars } from '../../logic/bars';
import { type Column, metricColumn, type Statistic } from '../../logic/column_model';
import { exactNumber, formatNumber, plural, tickNumber, toNumber } from '../../logic/format';
import { nameOfKey, spreadText, statisticsOfGroup } from '../../logic/groups';
import { type Common, commonParts } from '../../logic/shorten';
import { withBaseline } from '../../logic/with_baseline';
import type { Selection } from '../../state/selection';
import { BASELINE, lineStyle } from '../../style/theme';
import type { CurvesProps } from '../curves/curves';
import { More } from '../more/more';
import { Problem } from '../problem/problem';
import { metricValue } from '../run_table/cell';
import { Swatch } from '../swatch/swatch';
import { Name } from '../value/name';
import { ValueText } from '../value/value';
import { useBarValues } from './use_values';

/** How many bars are shown at first, and how many more with each "Show more". */
const PAGE = 50;
const ROW_HEIGHT = 24;
const LEAST_HEIGHT = 120;
const MOST_HEIGHT = 480;

/** Return the height in px that bars have until their chart is resized. */
export function barsHeight(bars: number, metrics: number): number {
  const height = metrics * (Math.min(bars, PAGE) + 1) * ROW_HEIGHT;
  return Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, height));
}

interface Props extends CurvesProps {
  metrics: readonly string[];
  statistic: BarStatistic;
  log: boolean;
  /** In px. */
  height: number;
  isResized: boolean;
  inSight: ReadonlySignal<boolean>;
}

const VALUES: Readonly<Record<BarStatistic, string>> = {
  last: 'Last values',
  best: 'Best values',
  first: 'First values',
  mean: 'Mean values',
};

/** The values of metrics of the selected runs, and their means in the selected groups, as bars. */
export function Bars(props: Props) {
  const { connection, groups, query, selection, pages, columns, metrics, statistic, log, height, isResized, inSight } =
    props;
  const baseline = selection.baseline.value;
  const baselineGroup = groups.by.value === null ? null : selection.baselineGroup.value;
  const run_ids = withBaseline(selection.compared.value, baseline);
  const keys = groups.by.value === null ? [] : withBaseline(selection.groups.value, baselineGroup);
  const filter = query.filter.value;
  const shown = metrics.map((key) => metricColumn(key, statisticFor(statistic, columns.lower.value.has(key))));
  const values = useBarValues({
    connection,
    pages,
    groups,
    filter,
    columns: shown,
    run_ids,
    keys,
    active: inSight.value,
  });

  const barOfRun = (id: string, column: Column): Bar => {
    const { row, known } = values.run(id);
    const named = row ?? columns.baselineRow(id);
    return {
      id,
      kind: 'run',
      name: named?.run_name ?? id.slice(0, 8),
      slot: selection.slots.value.get(id) ?? 0,
      value: numberOf(named && metricValue(named, column)) ?? (known ? null : undefined),
      std: null,
      n: 0,
      runs: 0,
    };
  };
  const barOfGroup = (key: string, column: Column): Bar => {
    const { row, known } = values.group(key);
    const named = row ?? groups.baselineRow(key);
    const all = named && statisticsOfGroup(named, column);
    return {
      id: key,
      kind: 'group',
      name: nameOfKey(key, named),
      slot: selection.groupSlots.value.get(key) ?? 0,
      value: numberOf(all?.mean) ?? (known ? null : undefined),
      std: numberOf(all?.std),
      n: all?.n ?? 0,
      runs: named?.runs ?? 0,
    };
  };
  const barsOf = (column: Column) => [
    ...keys.map((key) => barOfGroup(key, column)),
    ...run_ids.map((id) => barOfRun(id, column)),
  ];
  const unknown = connection.live ? 'Loading…' : 'not saved with the notebook';
  return (
    <>
      <section
        class="nbt-bars"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, nobody could scroll here with the keyboard
        tabIndex={0}
        aria-label={`Bars of ${metrics.join(', ')}`}
        style={isResized ? { height: `${height}px`, maxHeight: 'none' } : {}}
      >
        {shown.map((column) => (
          <BarTable
            key={column.key}
            metric={column.key}
            statistic={statistic}
            several={metrics.length > 1}
            bars={barsOf(column)}
            baseline={baselineGroup ?? baseline}
            lowerIsBetter={columns.lower.value.has(column.key)}
            log={log}
            unknown={unknown}
            selection={selection}
          />
        ))}
      </section>
      <Problem error={values.error} retry={values.retry} />
    </>
  );
}

interface TableProps {
  metric: string;
  statistic: BarStatistic;
  /** Whether the chart has other metrics too. */
  several: boolean;
  bars: readonly Bar[];
  /** The ID of the run or the key of the group that the others are compared with. It has a bar too. */
  baseline: string | null;
  lowerIsBetter: boolean;
  log: boolean;
  /** What is said instead of a value that is not known. */
  unknown: string;
  selection: Selection;
}

/** The bars of one metric, the best value first. */
function BarTable({ metric, statistic, several, bars, baseline, lowerIsBetter, log, unknown, selection }: TableProps) {
  const shown = useSignal(PAGE);
  const sorted = sortedBars(bars, lowerIsBetter);
  const scale = barScale(bars, log);
  const compared = bars.find(({ id }) => id === baseline);
  const common = commonParts(bars.map(({ name }) => name));
  const longest = sorted.reduce((most, { name }) => Math.max(most, name.length), 0);
  const hasDeviation = bars.some(({ std }) => std !== null);
  const notes = [
    `${VALUES[statistic]}, best first${lowerIsBetter ? ' (lower is better)' : ''}.`,
    ...(bars.some(({ kind }) => kind === 'group') ? ['Bars of groups are means over their runs.'] : []),
    ...(hasDeviation ? ['The lines across their ends are one standard deviation long on each side.'] : []),
    ...(scale.log ? [`Logarithmic, from ${tickNumber(scale.low)} to ${formatNumber(scale.high)}.`] : []),
    ...(log && !scale.log ? ['The scale is not logarithmic, because some values are not above zero.'] : []),
  ];
  return (
    <div class="nbt-bar-chart">
      <table class="nbt-bar-table" style={{ '--nbt-bar-names': `${longest}ch` }}>
        <caption class={several ? 'nbt-bar-title' : 'nbt-visually-hidden'}>{metric}</caption>
        <thead class="nbt-visually-hidden">
          <tr>
            <th scope="col">Name</th>
            <td aria-hidden="true" />
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown.value).map((bar) => (
            <BarRow
              key={`${bar.kind} ${bar.id}`}
              bar={bar}
              common={common}
              scale={scale}
              compared={compared}
              lowerIsBetter={lowerIsBetter}
              unknown={unknown}
              selection={selection}
            />
          ))}
        </tbody>
      </table>
      <More
        shown={Math.min(shown.value, sorted.length)}
        count={sorted.length}
        noun="bar"
        load={() => (shown.value += PAGE)}
        label={`Show more bars of ${metric}`}
      />
      <p class="nbt-bar-notes">
        {compared && (
          <span class="nbt-bar-baseline">
            <span class="nbt-bar-key" aria-hidden="true" />
            Baseline {compared.name}:{' '}
            {compared.value == null ? wordsOf(compared.value, unknown) : formatNumber(compared.value)}.{' '}
          </span>
        )}
        {notes.join(' ')}
      </p>
    </div>
  );
}

interface RowProps extends Pick<TableProps, 'lowerIsBetter' | 'unknown' | 'selection'> {
  bar: Bar;
  common: Common;
  /** The bar of the baseline. */
  compared: Bar | undefined;
  scale: BarScale;
}

function BarRow({ bar, common, scale, compared, lowerIsBetter, unknown, selection }: RowProps) {
  const { marked } = selection;
  const { id, kind, name, slot, value, std, n, runs } = bar;
  const isMarked = useComputed(() => marked.value === id).value;
  const isBaseline = compared?.id === id;
  const isDrawn = Number.isFinite(value);
  const counted = kind === 'group' && value != null ? `mean of ${n} of ${plural(runs, 'run')}` : '';
  const lines = [
    name,
    ...(value == null ? [] : [exactNumber(value)]),
    ...(counted ? [counted] : []),
    ...(std === null ? [] : [`standard deviation ${exactNumber(std)}`]),
  ];
  return (
    <tr
      class={`nbt-bar-row ${isMarked ? 'nbt-hovered' : ''}`}
      title={lines.join('\n')}
      onPointerEnter={() => (marked.value = id)}
      onPointerLeave={() => (marked.value = null)}
    >
      <th scope="row">
        <span class="nbt-bar-name">
          <Swatch slot={slot} />
          <Name text={name} common={common} />
        </span>
      </th>
      <td class="nbt-bar-place">
        {isDrawn ? (
          <span class="nbt-bar-track" aria-hidden="true">
            <BarShape value={value!} std={std} slot={slot} scale={scale} />
            {!scale.log && <span class="nbt-bar-zero" style={{ left: percent(scale.place(0)) }} />}
            {compared && Number.isFinite(compared.value) && (
              <span class="nbt-bar-line" style={{ left: percent(scale.place(compared.value!)) }} />
            )}
          </span>
        ) : (
          <span class="nbt-muted">{wordsOf(value, unknown)}</span>
        )}
      </td>
      <td class="nbt-bar-value">
        <ValueText value={value} metric baseline={isBaseline ? null : compared?.value} lowerIsBetter={lowerIsBetter}>
          {std !== null && <span class="nbt-std">±{spreadText(std)}</span>}
          {counted && <span class="nbt-visually-hidden">, {counted}</span>}
        </ValueText>
        {isBaseline && <span class="nbt-difference">baseline</span>}
      </td>
    </tr>
  );
}

function BarShape({ value, std, slot, scale }: { value: number; std: number | null; slot: number; scale: BarScale }) {
  const { color, dash } = lineStyle(slot);
  const [zero, end] = [scale.log ? 0 : scale.place(0), scale.place(value)];
  const [low, high] = std === null ? [0, 0] : [scale.place(value - std), scale.place(value + std)];
  return (
    <>
      <span
        class="nbt-bar"
        style={{
          left: percent(Math.min(zero, end)),
          width: percent(Math.abs(end - zero)),
          '--nbt-bar-color': color,
          // Hollow, because it has the color of the lines that are drawn on it.
          ...(slot === BASELINE && { backgroundColor: `color-mix(in srgb, ${color} 25%, transparent)` }),
          ...(dash.length > 0 && { backgroundImage: stripes(dash), backgroundColor: 'transparent' }),
        }}
      />
      {std !== null && <span class="nbt-bar-whisker" style={{ left: percent(low), width: percent(high - low) }} />}
    </>
  );
}

/** Return the dashes of a line as the pattern of a bar. */
function stripes(dash: readonly number[]): string {
  let at = 0;
  const stops = dash.map((length, i) => {
    const color = i % 2 === 0 ? 'var(--nbt-bar-color)' : 'transparent';
    const stop = `${color} ${at}px ${at + length}px`;
    at += length;
    return stop;
  });
  return `repeating-linear-gradient(90deg, ${stops.join(', ')})`;
}

/** Say why there is no bar. */
function wordsOf(value: number | null | undefined, unknown: string): string {
  return value === undefined
    ? unknown
    : value === null
      ? 'no value'
      : Number.isNaN(value)
        ? 'not a number'
        : `${value < 0 ? 'minus ' : ''}infinity`;
}

function percent(share: number): string {
  return `${+(100 * share).toFixed(3)}%`;
}

function statisticFor(statistic: BarStatistic, lowerIsBetter: boolean): Statistic {
  return statistic !== 'best' ? statistic : lowerIsBetter ? 'min' : 'max';
}

function numberOf(value: Parameters<typeof toNumber>[0]): number | null {
  return value == null ? null : toNumber(value);
}

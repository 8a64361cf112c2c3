import { computed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { ask, type Connection, RequestError } from '../../connection/connection';
import type { DiffReply, DiffRow, ErrorReply } from '../../contract';
import { columnWindow } from '../../logic/column_model';
import { rowWindow } from '../../logic/window';
import type { RunPages } from '../../state/pages';
import type { Selection } from '../../state/selection';
import { Check } from '../fields/fields';
import { More } from '../more/more';
import { Problem } from '../problem/problem';
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
const EXPECTED: ReadonlySet<DiffRow['section']> = new Set(['info', 'system']);

const ROW_HEIGHT = 24;
const KEY_WIDTH = 180;
const RUN_WIDTH = 150;

interface Props {
  connection: Connection;
  selection: Selection;
  pages: RunPages;
}

/** The params and metrics of the selected runs side by side. Rows that differ are marked. */
export function ParameterDiff({ connection, selection, pages }: Props) {
  const reply = useSignal<DiffReply | null>(connection.first('diff')?.reply ?? null);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const fromSnapshot = useRef(reply.peek() !== null);
  const differences = useSignal(false);
  const run_ids = selection.compared.value;
  useEffect(() => {
    if (run_ids.length === 0) {
      reply.value = null;
      return;
    }
    // The answer in the snapshot is shown first. It is requested again together with the runs.
    if (fromSnapshot.current) {
      fromSnapshot.current = false;
      return;
    }
    return ask(
      connection,
      'diff',
      { run_ids },
      (answer) => {
        reply.value = answer.reply;
        error.value = null;
      },
      (failure) => (error.value = failure),
    );
  }, [run_ids.join(), again.value, pages.queries.value]);

  const more = async () => {
    const shown = reply.peek();
    if (!shown) {
      return;
    }
    try {
      const next = await connection.request('diff', { run_ids: shown.run_ids, offset: shown.rows.length });
      if (reply.peek() === shown) {
        reply.value = { ...next.reply, rows: [...shown.rows, ...next.reply.rows] };
      }
    } catch (cause) {
      error.value = RequestError.of(cause).reply;
    }
  };

  const diff = reply.value;
  const count = diff?.count ?? 0;
  const differing = diff?.rows.filter((row) => row.differs && !EXPECTED.has(row.section)).length ?? 0;
  return (
    <section class="nbt-diff" aria-label="Differences">
      <div class="nbt-controls">
        <span class="nbt-controls-title">Side by side</span>
        {diff && diff.run_ids.length > 1 && (
          <Check class="nbt-only-differences" checked={differences.value} change={(on) => (differences.value = on)}>
            Only differences ({differing})
          </Check>
        )}
      </div>
      {diff === null ? (
        <p class="nbt-empty">
          {run_ids.length === 0 ? 'Select runs to compare their params and metrics.' : 'Loading…'}
        </p>
      ) : (
        <DiffTable diff={diff} slots={selection.slots.value} onlyDifferences={differences.value} />
      )}
      {diff && (
        <More shown={diff.rows.length} count={count} noun="row" load={connection.live ? () => void more() : null} />
      )}
      <Problem error={error.value} retry={() => (again.value += 1)} />
    </section>
  );
}

type Line = { title: string } | DiffRow;

/** The table. Only the rows and runs in sight are in the page, because there can be very many of both. */
function DiffTable({
  diff,
  slots,
  onlyDifferences,
}: {
  diff: DiffReply;
  slots: ReadonlyMap<string, number>;
  onlyDifferences: boolean;
}) {
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
  const at = useMemo(() => diff.run_ids.map((_, i) => i * RUN_WIDTH).concat(diff.run_ids.length * RUN_WIDTH), [diff]);
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
  const before = left * RUN_WIDTH;
  const after = (diff.run_ids.length - right) * RUN_WIDTH;
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
        aria-colcount={diff.run_ids.length + 1}
        style={{ width: `${KEY_WIDTH + diff.run_ids.length * RUN_WIDTH}px` }}
      >
        <colgroup>
          <col style={{ width: `${KEY_WIDTH}px` }} />
          <col style={{ width: `${before}px` }} />
          {diff.run_ids.slice(left, right).map((id) => (
            <col key={id} style={{ width: `${RUN_WIDTH}px` }} />
          ))}
          <col style={{ width: `${after}px` }} />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="nbt-pinned nbt-pin-0">
              Key
            </th>
            <td class="nbt-gap" aria-hidden="true" />
            {diff.run_ids.slice(left, right).map((id, i) => (
              <th key={id} scope="col" aria-colindex={left + i + 2} title={diff.run_names[left + i]}>
                <span class="nbt-diff-name">
                  <Swatch slot={slots.get(id)} />
                  <Name text={diff.run_names[left + i] ?? ''} />
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
                left={left}
                right={right}
              />
            ),
          )}
          <Space height={(lines.length - end) * ROW_HEIGHT} />
        </tbody>
      </table>
    </section>
  );
}

function DiffLine({ row, index, left, right }: { row: DiffRow; index: number; left: number; right: number }) {
  const isMetric = row.section === 'metric' || row.section === 'system';
  return (
    <tr class={row.differs ? 'nbt-differs' : ''} data-section={row.section} data-key={row.key} aria-rowindex={index}>
      <th scope="row" class="nbt-pinned nbt-pin-0" title={row.key}>
        <Name text={row.key} />
        {row.differs && <span class="nbt-visually-hidden"> differs</span>}
      </th>
      <td class="nbt-gap" aria-hidden="true" />
      {row.values.slice(left, right).map((value, i) => (
        <td key={i} aria-colindex={left + i + 2} title={value ?? 'not set'} class={value === null ? 'nbt-missing' : ''}>
          {value === null ? '–' : <ValueText value={isMetric ? metricOf(value) : value} metric={isMetric} />}
        </td>
      ))}
      <td class="nbt-gap" aria-hidden="true" />
    </tr>
  );
}

function Space({ height }: { height: number }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: this row cannot have the focus
  return height > 0 ? <tr class="nbt-space" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

/** Return the number that a metric's value stands for, as Python or this page writes it. */
function metricOf(text: string): number {
  return Number(text.replace('−', '-').replace(/∞|\binf\b/, 'Infinity'));
}

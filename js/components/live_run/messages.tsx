import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Alert, RunWarning } from '../../contract';
import { exactNumber, formatNumber, grouped, plural } from '../../logic/format';
import { FoldButton } from '../panel_sections/panel_sections';

/** How many alerts and warnings are shown until the user asks for all of them. */
const MOST = 5;
/** How near the end of the output counts as its end, in px. */
const NEAR = 12;

/** The alerts of a run. A screen reader reads out each new one. */
export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const all = useSignal(false);
  const shown = all.value ? alerts : alerts.slice(0, MOST);
  return (
    <div class="nbt-alerts" role="alert" aria-atomic={false}>
      {alerts.length > 0 && (
        <ul aria-label="Alerts">
          {shown.map(({ condition, key, step, value, count }) => (
            <li key={`${condition} ${key}`}>
              <span class="nbt-alert-mark" aria-hidden="true">
                ⚠
              </span>
              <code>{condition}</code>: {key} was <b title={exactNumber(value)}>{formatNumber(value)}</b> at step{' '}
              {grouped(step)}
              {count > 1 && <span class="nbt-muted"> ({plural(count, 'point')} in all)</span>}
            </li>
          ))}
          <ShowAll shown={MOST} count={alerts.length} noun="alert" all={all} />
        </ul>
      )}
    </div>
  );
}

/** The warnings that were shown while the run was active. */
export function Warnings({ warnings }: { warnings: readonly RunWarning[] }) {
  const all = useSignal(false);
  const shown = all.value ? warnings : warnings.slice(0, MOST);
  return (
    <ul class="nbt-warnings" aria-label="Warnings">
      {shown.map(({ category, message, count }) => (
        <li key={`${category} ${message}`}>
          <b>{category}</b>: {message}
          {count > 1 && <span class="nbt-muted"> ({grouped(count)} times)</span>}
        </li>
      ))}
      <ShowAll shown={MOST} count={warnings.length} noun="warning" all={all} />
    </ul>
  );
}

interface ShowAllProps {
  shown: number;
  count: number;
  noun: string;
  all: { value: boolean };
}

function ShowAll({ shown, count, noun, all }: ShowAllProps) {
  return count <= shown ? null : (
    <li>
      <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
        {all.value ? `Show only ${shown} ${noun}s` : `Show all ${plural(count, noun)}`}
      </button>
    </li>
  );
}

interface OutputProps {
  lines: readonly string[];
  isOpen: boolean;
  change: (isOpen: boolean) => void;
}

/** The last lines of the output. They follow the end, unless the user has scrolled up. */
export function Output({ lines, isOpen, change }: OutputProps) {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines, isOpen]);
  return (
    <section class="nbt-output" aria-label="Output">
      <FoldButton title="Output" isOpen={isOpen} change={change} />
      {!isOpen && <span class="nbt-output-last nbt-muted">{lines.at(-1)}</span>}
      {isOpen && (
        <pre
          ref={box}
          role="log"
          aria-label="The last lines of the output"
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
          }}
        >
          {lines.join('\n')}
        </pre>
      )}
    </section>
  );
}

import type { ComponentChild } from 'preact';
import { grouped } from '../../logic/format';
import { useUniqueId } from '../form/unique_id';

/** The name of a part, how many items it has (nothing is shown for null), and its content. */
export type Tab = readonly [name: string, count: number | null, content: () => ComponentChild];

interface Props {
  tabs: readonly Tab[];
  /** The name of the tab that is open. */
  open: string;
  change: (name: string) => void;
}

/** Parts of a screen of which one is shown. The arrow keys go to the others. */
export function Tabs({ tabs, open, change }: Props) {
  const id = useUniqueId();
  const at = Math.max(
    tabs.findIndex(([name]) => name === open),
    0,
  );
  const press = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? tabs.length - 1 : 0;
    if (step > 0) {
      const next = (at + step) % tabs.length;
      change(tabs[next]![0]);
      (event.currentTarget as HTMLElement).parentElement!.querySelectorAll('button')[next]!.focus();
    }
  };
  return (
    <>
      <div class="nbt-tabs" role="tablist">
        {tabs.map(([name, count], i) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={i === at}
            aria-controls={id}
            tabIndex={i === at ? 0 : -1}
            onClick={() => change(name)}
            onKeyDown={press}
          >
            {name}
            {count !== null && <span class="nbt-muted"> {grouped(count)}</span>}
          </button>
        ))}
      </div>
      <div key={at} id={id} role="tabpanel" aria-label={tabs[at]![0]}>
        {tabs[at]![2]()}
      </div>
    </>
  );
}

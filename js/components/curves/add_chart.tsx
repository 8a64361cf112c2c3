import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { MOST_PANELS } from '../../contract';
import type { ColumnState } from '../../state/columns';
import type { Panels } from '../../state/panels';
import { Popover } from '../popover/popover';

/** The largest number of metrics in the list. The search finds the others. */
const MOST_LISTED = 60;

interface Props {
  panels: Panels;
  columns: ColumnState;
}

/** A button that opens a list of all metrics, and adds a chart of those that are ticked. */
export function AddChart({ panels, columns }: Props) {
  if (panels.ids.value.length >= MOST_PANELS) {
    return <span class="nbt-muted">There are {MOST_PANELS} charts, which is as many as a view can have.</span>;
  }
  return (
    <Popover button="Add chart" buttonClass="nbt-button nbt-add-chart" label="Add a chart">
      {(close) => <Picker panels={panels} columns={columns} close={close} />}
    </Popover>
  );
}

function Picker({ panels, columns, close }: Props & { close: () => void }) {
  const search = useSignal('');
  const ticked = useSignal<readonly string[]>([]);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const found = useComputed(() => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...columns.metrics.value, ...columns.system.value];
    return all.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  }).value;
  const toggle = (name: string) => {
    const others = ticked.peek().filter((each) => each !== name);
    ticked.value = others.length < ticked.peek().length ? others : [...others, name];
  };
  const add = () => {
    // Enter in the search takes the first metric if none is ticked.
    const metrics = ticked.peek().length > 0 ? ticked.peek() : found.slice(0, 1);
    if (metrics.length > 0) {
      panels.add(metrics);
      close();
    }
  };
  return (
    <form
      onKeyDown={(event) => {
        // JupyterLab would take the keys for itself. Escape closes the box.
        if (event.key !== 'Escape') {
          event.stopPropagation();
        }
      }}
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <input
        ref={input}
        type="text"
        class="nbt-popover-search"
        aria-label="Search metrics"
        placeholder="Search metrics"
        autocomplete="off"
        spellcheck={false}
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <fieldset class="nbt-popover-list nbt-curve-choices" aria-label="Metrics">
        {found.slice(0, MOST_LISTED).map((name) => (
          <label key={name} class="nbt-popover-option">
            <input type="checkbox" checked={ticked.value.includes(name)} onChange={() => toggle(name)} />
            <span class="nbt-popover-name">{name}</span>
          </label>
        ))}
        {found.length === 0 && <p class="nbt-muted">No metric has this name.</p>}
        {found.length > MOST_LISTED && (
          <p class="nbt-muted">
            {MOST_LISTED} of {found.length.toLocaleString('en')} metrics. Search to find the others.
          </p>
        )}
      </fieldset>
      <div class="nbt-popover-foot">
        <button type="submit" class="nbt-button nbt-primary" aria-disabled={found.length + ticked.value.length === 0}>
          {ticked.value.length > 1 ? `Add a chart of ${ticked.value.length} metrics` : 'Add chart'}
        </button>
        <button type="button" class="nbt-link" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

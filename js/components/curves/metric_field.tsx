import { useComputed, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Completion } from '../../contract';
import { CompletionList, optionId } from '../completion_list/completion_list';
import { Select } from '../fields/fields';
import { useUniqueId } from '../form/unique_id';

/** The largest number of metrics in a list of choices. More are searched. */
const MOST_CHOICES = 50;
/** The largest number of metrics that a search lists. */
const MOST_LISTED = 60;

interface Props {
  label: string;
  /** The metric, or an empty string if none has been chosen. */
  value: string;
  metrics: readonly string[];
  change: (metric: string) => void;
}

/** Chooses a metric: from a list of choices, or by a search if there are many. */
export function MetricField(props: Props) {
  const { label, value, metrics, change } = props;
  if (metrics.length > MOST_CHOICES) {
    return <MetricSearch {...props} />;
  }
  return (
    <Select
      label={label}
      class="nbt-metric-field"
      value={value}
      options={[...(value === '' ? ([['', '…']] as const) : []), ...metrics.map((name) => [name, name] as const)]}
      change={change}
    />
  );
}

function MetricSearch({ label, value, metrics, change }: Props) {
  /** What the user has typed. Null while the field shows the metric, and the list is closed. */
  const search = useSignal<string | null>(null);
  const active = useSignal(0);
  const known = useSignal(metrics);
  known.value = metrics;
  const input = useRef<HTMLInputElement>(null);
  const id = useUniqueId();
  const listId = `${id}-list`;
  const found = useComputed(() => {
    if (search.value === null) {
      return [];
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return known.value.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  }).value;
  const items = found
    .slice(0, MOST_LISTED)
    .map((text): Completion => ({ text, kind: 'name', start: 0, end: 0, detail: '' }));
  const open = search.value !== null;
  const show = (text: string) => {
    search.value = text;
    active.value = 0;
  };
  const close = () => {
    search.value = null;
  };
  const pick = (item: Completion | undefined) => {
    if (item) {
      close();
      change(item.text);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (open) {
        const count = Math.max(items.length, 1);
        active.value = (active.peek() + (key === 'ArrowDown' ? 1 : -1) + count) % count;
      } else {
        show('');
      }
    } else if (open && key === 'Enter') {
      pick(items[active.peek()]);
    } else if (open && key === 'Escape') {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span class="nbt-field nbt-metric-field">
      <label for={id}>{label}</label>
      <span class="nbt-metric-search">
        <input
          id={id}
          ref={input}
          class="nbt-metric-input"
          type="text"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={open}
          aria-controls={listId}
          aria-activedescendant={open && items.length > 0 ? optionId(listId, active.value) : undefined}
          autocomplete="off"
          spellcheck={false}
          title={value}
          placeholder={open || value === '' ? 'Search metrics' : ''}
          value={search.value ?? value}
          onInput={(event) => show(event.currentTarget.value)}
          onClick={() => !open && show('')}
          onKeyDown={onKeyDown}
          onBlur={close}
        />
        <CompletionList id={listId} items={items} count={found.length} active={active.value} pick={pick} />
        {open && found.length === 0 && (
          <span class="nbt-completions nbt-metric-none" role="status">
            No metric has this name.
          </span>
        )}
      </span>
    </span>
  );
}

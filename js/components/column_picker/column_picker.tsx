import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ofAll } from '../../logic/format';
import { useUniqueId } from '../form/unique_id';
import { keepInSight } from '../popover/in_sight';
import { Popover } from '../popover/popover';

/** The largest number of choices in the list. The search finds the others. */
const MOST_LISTED = 200;

/** A column that can be chosen. */
export interface Choice {
  id: string;
  name: string;
  /** The heading above the choices of its kind, which stand together. */
  kind: string;
  /** What is known of the column, beside its name. */
  detail?: string;
}

interface Props {
  /** What the button says. */
  label: string;
  /** The name of the list. */
  title: string;
  choices: readonly Choice[];
  /** The ID of the choice that is in use. */
  chosen: string | null;
  choose: (id: string) => void;
  /** Called with what is searched for, so that choices can be added: at first with an empty string. */
  search?: (words: string) => void;
}

/** A button that opens a list of columns with a search, of which one is chosen. */
export function ColumnPicker(props: Props) {
  return (
    <Popover button={props.label} buttonClass="nbt-link" label={props.title} width={320}>
      {(close) => <List {...props} close={close} />}
    </Popover>
  );
}

function List({ title, choices, chosen, choose, search, close }: Props & { close: () => void }) {
  const words = useSignal('');
  const active = useSignal(0);
  const all = useSignal(choices);
  all.value = choices;
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useUniqueId();
  const found = useComputed(() => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    return all.value.filter(({ name, kind }) => {
      const text = `${kind} ${name}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  });
  const listed = found.value.slice(0, MOST_LISTED);
  useEffect(() => {
    input.current?.focus();
    search?.('');
  }, []);
  useEffect(() => {
    keepInSight(list.current, list.current?.querySelector<HTMLElement>(`[data-at="${active.value}"]`));
  }, [active.value, found.value]);

  const take = (choice: Choice | undefined) => {
    if (choice) {
      close();
      choose(choice.id);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      const next = active.peek() + (key === 'ArrowDown' ? 1 : -1);
      active.value = Math.max(0, Math.min(listed.length - 1, next));
    } else if (key === 'Enter') {
      take(listed[active.peek()]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <input
        ref={input}
        class="nbt-input nbt-popover-search"
        type="text"
        role="combobox"
        aria-label="Search columns"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={listed.length > 0 ? `${id}-${active.value}` : undefined}
        placeholder="Search columns"
        autocomplete="off"
        value={words.value}
        onKeyDown={onKeyDown}
        onInput={(event) => {
          words.value = event.currentTarget.value;
          active.value = 0;
          search?.(words.value);
        }}
      />
      <div
        id={`${id}-list`}
        ref={list}
        class="nbt-popover-list"
        role="listbox"
        aria-label={title}
        onMouseDown={(event) => event.preventDefault()}
      >
        {listed.map((choice, at) => (
          <div key={choice.id} role="presentation">
            {choice.kind !== listed[at - 1]?.kind && (
              <div class="nbt-popover-group" role="presentation">
                {choice.kind}
              </div>
            )}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus */}
            {/* biome-ignore lint/a11y/useFocusableInteractive: the field names the active option */}
            <div
              id={`${id}-${at}`}
              data-at={at}
              class={`nbt-popover-option ${at === active.value ? 'nbt-active' : ''}`}
              role="option"
              aria-selected={choice.id === chosen}
              onClick={() => take(choice)}
            >
              <span class="nbt-popover-name">{choice.name}</span>
              {choice.detail && <span class="nbt-picker-detail">{choice.detail}</span>}
            </div>
          </div>
        ))}
      </div>
      {listed.length === 0 && <p class="nbt-empty">No column has this name.</p>}
      {listed.length < found.value.length && (
        <p class="nbt-muted" role="status">
          {ofAll(listed.length, found.value.length, 'column')}
        </p>
      )}
    </>
  );
}

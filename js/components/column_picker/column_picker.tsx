import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ofAll } from '../../logic/format';
import { Popover } from '../popover/popover';
import { finder, SearchField, useSearchedList } from '../popover/searched_list';

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
  const all = useSignal(choices);
  all.value = choices;
  const found = useComputed(() => {
    const has = finder(words.value);
    return all.value.filter(({ name, kind }) => has(`${kind} ${name}`.toLowerCase()));
  });
  const take = (choice: Choice | undefined) => {
    if (choice) {
      close();
      choose(choice.id);
    }
  };
  const searched = useSearchedList(found.value, take);
  const { list, id, active, listed } = searched;
  useEffect(() => search?.(''), []);
  return (
    <>
      <SearchField
        of={searched}
        words={words.value}
        search={(next) => {
          words.value = next;
          search?.(next);
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
              class={`nbt-popover-option ${at === active ? 'nbt-active' : ''}`}
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

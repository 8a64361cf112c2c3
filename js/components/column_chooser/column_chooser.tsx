import { useComputed, useSignal } from '@preact/signals';
import { type Column, columnsOf, statisticTitle } from '../../logic/column_model';
import { ofAll } from '../../logic/format';
import type { ColumnState } from '../../state/columns';
import { Popover } from '../popover/popover';
import { finder, SearchField, useSearchedList } from '../popover/searched_list';

interface Props {
  columns: ColumnState;
}

/** A button that opens a list of all columns, which shows, hides and pins them. */
export function ColumnChooser({ columns }: Props) {
  return (
    <Popover button="Columns…" buttonClass="nbt-link" label="Columns of the table">
      {(close) => <Chooser columns={columns} close={close} />}
    </Popover>
  );
}

function Chooser({ columns, close }: Props & { close: () => void }) {
  const search = useSignal('');
  const all = useComputed(() =>
    columnsOf(columns.names.value, true).map((column) => ({ column, text: titleOf(column).toLowerCase() })),
  );
  const found = useComputed(() => {
    const has = finder(search.value);
    return all.value.filter(({ text }) => has(text)).map(({ column }) => column);
  });
  const shown = useComputed(() => new Map(columns.shown.value.map((column) => [column.id, column])));
  const toggle = (column: Column | undefined) => {
    if (column) {
      columns.change(column.id, { hidden: shown.peek().has(column.id) });
    }
  };
  const searched = useSearchedList(found.value, toggle);
  const { list, id, active, listed, activate, onKeyDown } = searched;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys are those of the field inside
    <div onKeyDown={onKeyDown}>
      <SearchField of={searched} words={search.value} search={(words) => (search.value = words)} />
      <div
        id={`${id}-list`}
        ref={list}
        class="nbt-popover-list nbt-chooser-list"
        role="listbox"
        aria-label="Columns"
        aria-multiselectable="true"
        onMouseDown={(event) => event.preventDefault()}
      >
        {listed.map((column, at) => {
          const isShown = shown.value.has(column.id);
          const isPinned = shown.value.get(column.id)?.pinned ?? false;
          return (
            <div key={column.id}>
              {column.group !== listed[at - 1]?.group && (
                <div class="nbt-popover-group" role="presentation">
                  {column.group || 'Run'}
                </div>
              )}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus */}
              {/* biome-ignore lint/a11y/useFocusableInteractive: the field names the active option */}
              <div
                id={`${id}-${at}`}
                data-at={at}
                class={`nbt-popover-option ${at === active ? 'nbt-active' : ''}`}
                role="option"
                aria-selected={isShown}
                onClick={() => {
                  activate(at);
                  toggle(column);
                }}
              >
                <span class="nbt-chooser-mark" aria-hidden="true">
                  {isShown ? '☑' : '☐'}
                </span>
                <span class="nbt-popover-name">{titleOf(column)}</span>
                {isShown && (
                  <button
                    type="button"
                    class="nbt-link nbt-chooser-pin"
                    tabIndex={-1}
                    aria-label={`${isPinned ? 'Unpin' : 'Pin'} ${titleOf(column)}`}
                    onClick={(event) => {
                      event.stopPropagation();
                      columns.change(column.id, { pinned: !isPinned });
                    }}
                  >
                    {isPinned ? 'Unpin' : 'Pin'}
                  </button>
                )}
              </div>
            </div>
          );
        })}
        {listed.length === 0 && <p class="nbt-empty">No column has this name.</p>}
      </div>
      <div class="nbt-popover-foot">
        <span class="nbt-muted" role="status">
          {ofAll(listed.length, found.value.length, 'column')}
        </span>
        <button
          type="button"
          class="nbt-link"
          disabled={columns.changed.value.length === 0}
          onClick={() => (columns.changed.value = [])}
        >
          Reset columns
        </button>
        <button type="button" class="nbt-link" onClick={close}>
          Close
        </button>
      </div>
    </div>
  );
}

/** Return the name of a column with the value that it shows of a metric. */
function titleOf({ kind, key, title, statistic }: Column): string {
  return kind === 'run' ? title : kind === 'metric' ? `${key}, ${statisticTitle(statistic)}` : key;
}

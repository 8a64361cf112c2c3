import { useEffect, useRef } from 'preact/hooks';
import type { Completion } from '../../contract';
import { grouped } from '../../logic/format';
import { keepInSight } from '../popover/in_sight';

interface Props {
  id: string;
  items: readonly Completion[];
  /** How many completions there are, listed or not. */
  count: number;
  active: number;
  pick: (completion: Completion) => void;
}

export function optionId(list: string, index: number): string {
  return `${list}-${index}`;
}

/** The list of completions below a text field. The field keeps the focus and handles the keys. */
export function CompletionList({ id, items, count, active, pick }: Props) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    keepInSight(list.current, list.current?.children[active] as HTMLElement | undefined);
  }, [active, items]);
  return (
    <div
      id={id}
      ref={list}
      class="nbt-completions"
      role="listbox"
      aria-label="Completions"
      hidden={items.length === 0}
      onMouseDown={(event) => event.preventDefault()}
    >
      {items.map((item, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus
        // biome-ignore lint/a11y/useFocusableInteractive: the field names the active option by aria-activedescendant
        <div
          key={item.text}
          id={optionId(id, index)}
          class="nbt-completion"
          role="option"
          aria-selected={index === active}
          data-kind={item.kind}
          onClick={() => pick(item)}
        >
          <span class="nbt-completion-text">{item.text.trim()}</span>
          <span class="nbt-completion-detail">{item.detail}</span>
        </div>
      ))}
      {items.length < count && (
        <div class="nbt-completions-count" aria-hidden="true">
          {grouped(items.length)} of {grouped(count)}
        </div>
      )}
    </div>
  );
}

import { useLayoutEffect, useRef } from 'preact/hooks';

/** An entry of the menu of a column. One that is checked or not is a choice, the others are actions. */
export interface MenuEntry {
  title: string;
  checked?: boolean;
  /** Whether a line separates it from the entry above. */
  starts?: boolean;
  act: () => void;
}

interface Props {
  label: string;
  entries: readonly MenuEntry[];
  /** The left edge in px. */
  left: number;
  /** `back` tells whether the focus returns to the table. */
  close: (back: boolean) => void;
}

/** The menu of a column. Its entries follow the arrow keys. */
export function HeaderMenu({ label, entries, left, close }: Props) {
  const menu = useRef<HTMLDivElement>(null);
  const items = () => [...(menu.current?.querySelectorAll<HTMLElement>('button') ?? [])];
  useLayoutEffect(() => {
    const element = menu.current!;
    // A menu that begins near the right edge ends there.
    const room = (element.parentElement?.clientWidth ?? 0) - element.offsetWidth;
    element.style.left = `${Math.max(0, Math.min(left, room))}px`;
    items()[0]?.focus({ preventScroll: true });
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(event.target as HTMLElement);
    const targets: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const target = targets[event.key];
    // JupyterLab listens for keys on the notebook.
    event.stopPropagation();
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      close(true);
    } else if (target !== undefined) {
      event.preventDefault();
      all[target]?.focus();
    }
  };
  return (
    <div
      ref={menu}
      class="nbt-floating nbt-menu"
      role="menu"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onFocusOut={(event) => {
        const next = event.relatedTarget as Node | null;
        // Without a next element, the user has clicked on a part that takes no focus, or the window has lost it.
        if (next ? !event.currentTarget.contains(next) : document.hasFocus()) {
          close(false);
        }
      }}
    >
      {entries.map(({ title, checked, starts, act }) => (
        // biome-ignore lint/a11y/useAriaPropsSupportedByRole: the role is one that is checked if there is a value
        <button
          key={title}
          type="button"
          class={`nbt-menu-entry ${starts ? 'nbt-menu-starts' : ''}`}
          role={checked === undefined ? 'menuitem' : 'menuitemradio'}
          aria-checked={checked}
          tabIndex={-1}
          onClick={() => {
            close(true);
            act();
          }}
        >
          <span class="nbt-menu-mark" aria-hidden="true">
            {checked ? '✓' : ''}
          </span>
          {title}
        </button>
      ))}
    </div>
  );
}

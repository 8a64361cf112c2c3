import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  /** What the button says. */
  button: ComponentChild;
  buttonClass?: string;
  /** The name of the button, if its text is not enough. */
  title?: string;
  /** The name of the box. */
  label: string;
  /** The width of the box in px, if the page has room for it. */
  width?: number;
  /** Returns what is in the box. `close` returns the focus to the button. */
  children: (close: () => void) => ComponentChild;
}

/** A button that opens a box below it. Escape closes the box, and so does leaving it for another part of the page. */
export function Popover({ button, buttonClass = 'nbt-button', title, label, width = 380, children }: Props) {
  const open = useSignal(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    open.value = false;
    opener.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the dialog inside
    <span
      class="nbt-popover"
      onKeyDown={(event) => {
        if (open.peek() && event.key === 'Escape') {
          event.preventDefault();
          event.stopPropagation();
          close();
        }
      }}
      onFocusOut={(event) => {
        // Without a next element, the window has lost the focus, or the user has clicked on a part that takes none.
        const next = event.relatedTarget as Node | null;
        if (next && !event.currentTarget.contains(next)) {
          open.value = false;
        }
      }}
    >
      <button
        type="button"
        ref={opener}
        class={buttonClass}
        title={title}
        aria-label={title}
        aria-haspopup="dialog"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {button}
      </button>
      {open.value && (
        <Box label={label} width={width}>
          {children(close)}
        </Box>
      )}
    </span>
  );
}

function Box({ label, width, children }: { label: string; width: number; children: ComponentChild }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // The button may be near the right end of the view, which the box must not leave.
    const { left } = box.current!.parentElement!.getBoundingClientRect();
    const page = box.current!.closest('.nbt')?.getBoundingClientRect();
    if (page) {
      const end = page.right - box.current!.offsetWidth;
      box.current!.style.left = `${Math.round(Math.max(page.left, Math.min(left, end)) - left)}px`;
    }
  }, []);
  return (
    <div
      ref={box}
      class="nbt-floating nbt-popover-box"
      style={{ width: `min(${width}px, 96cqw)` }}
      role="dialog"
      aria-label={label}
    >
      {children}
    </div>
  );
}

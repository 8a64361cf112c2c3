import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { View } from '../../state/view';
import { lazy } from '../lazy/lazy';

const SavedViewsPanel = lazy('the saved views', () => import('./panel').then((code) => code.SavedViewsPanel));

interface Props {
  connection: Connection;
  view: View;
}

/** A button that opens the views that were saved in the store. */
export function SavedViews({ connection, view }: Props) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    open.value = false;
    button.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the dialog inside
    <span
      class="nbt-views"
      onKeyDown={(event) => {
        if (open.peek() && event.key === 'Escape') {
          event.preventDefault();
          event.stopPropagation();
          close();
        }
      }}
      onFocusOut={(event) => {
        const next = event.relatedTarget as Node | null;
        if (next && !event.currentTarget.contains(next)) {
          open.value = false;
        }
      }}
    >
      <button
        type="button"
        ref={button}
        class="nbt-button"
        aria-haspopup="dialog"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        Views…
      </button>
      {open.value && (
        <div class="nbt-views-panel" role="dialog" aria-label="Saved views">
          <SavedViewsPanel connection={connection} view={view} close={close} />
        </div>
      )}
    </span>
  );
}

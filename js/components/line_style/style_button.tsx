import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { Swatch } from '../swatch/swatch';

/** Which line of a list has its style being chosen. */
export interface StyledLine {
  /** The list with the buttons. */
  list: RefObject<HTMLUListElement | null>;
  /** The ID of the line. */
  id: Signal<string | null>;
  /** `back` tells whether the focus returns to its button. */
  close: (back: boolean) => void;
}

/** Return the state of a list of lines whose styles can be chosen, with a `StyleButton` for each. */
export function useStyledLine(): StyledLine {
  const id = useSignal<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const close = (back: boolean) => {
    if (back) {
      list.current?.querySelector<HTMLElement>('.nbt-style-button[aria-expanded="true"]')?.focus();
    }
    id.value = null;
  };
  return { list, id, close };
}

interface Props {
  styled: StyledLine;
  id: string;
  /** What has the line. */
  label: string;
  slot: number;
  dash?: number;
}

/** A sample of a line that opens the choice of its style. */
export function StyleButton({ styled, id, label, slot, dash }: Props) {
  return (
    <button
      type="button"
      class="nbt-style-button"
      aria-label={`Line of ${label}`}
      aria-haspopup="dialog"
      aria-expanded={id === styled.id.value}
      onClick={() => (styled.id.value = id === styled.id.peek() ? null : id)}
    >
      <Swatch slot={slot} dash={dash} />
    </button>
  );
}

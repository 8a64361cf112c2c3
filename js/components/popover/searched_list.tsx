import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useUniqueId } from '../form/unique_id';
import { keepInSight } from './in_sight';

/** The largest number of columns in the list. The search finds the others. */
const MOST_LISTED = 200;

/** A list of columns in a popover, with a field that searches it and has the focus. */
export interface SearchedList<T> {
  field: RefObject<HTMLInputElement | null>;
  list: RefObject<HTMLDivElement | null>;
  id: string;
  /** The position of the option that the arrow keys have reached. */
  active: number;
  /** The columns that are in the list. */
  listed: readonly T[];
  activate: (at: number) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Return a function that tells whether a lower-case string has all of these words. */
export function finder(words: string): (text: string) => boolean {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => wanted.every((word) => text.includes(word));
}

/** Return the first columns of those that were found, and what the keys do in the field. `take` is called for Enter. */
export function useSearchedList<T>(found: readonly T[], take: (item: T | undefined) => void): SearchedList<T> {
  const active = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useUniqueId();
  const listed = found.slice(0, MOST_LISTED);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    keepInSight(list.current, list.current?.querySelector<HTMLElement>(`[data-at="${active.value}"]`));
  }, [active.value, found]);
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      const next = active.peek() + (key === 'ArrowDown' ? 1 : -1);
      active.value = Math.max(0, Math.min(listed.length - 1, next));
    } else if (key === 'Enter' && event.target === field.current) {
      take(listed[active.peek()]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return { field, list, id, active: active.value, listed, activate: (at) => (active.value = at), onKeyDown };
}

interface FieldProps {
  of: SearchedList<unknown>;
  words: string;
  search: (words: string) => void;
}

/** The field of a searched list. */
export function SearchField({ of: { field, id, active, listed, activate, onKeyDown }, words, search }: FieldProps) {
  return (
    <input
      ref={field}
      class="nbt-input nbt-popover-search"
      type="text"
      role="combobox"
      aria-label="Search columns"
      aria-expanded="true"
      aria-controls={`${id}-list`}
      aria-activedescendant={listed.length > 0 ? `${id}-${active}` : undefined}
      placeholder="Search columns"
      autocomplete="off"
      value={words}
      onKeyDown={onKeyDown}
      onInput={(event) => {
        activate(0);
        search(event.currentTarget.value);
      }}
    />
  );
}

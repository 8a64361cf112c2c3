import { grouped, plural } from '../../logic/format';

interface Props {
  /** How many items come before those that are shown. */
  offset: number;
  /** Shows another part. */
  turn: (offset: number) => void;
  /** How many items are shown at a time. */
  size: number;
  /** How many there are in all. */
  count: number;
  noun: string;
  /** False in a saved notebook, which has only the first page. */
  live: boolean;
}

/** The part of a long list that is shown, and buttons for the parts before and after it. Nothing for a short list. */
export function Pager({ offset: first, turn, size, count, noun, live }: Props) {
  if (count <= size && first === 0) {
    return null;
  }
  // At either end, a button keeps the focus, which one that is disabled would lose.
  const button = (title: string, next: number, possible: boolean) => (
    <button
      type="button"
      class="nbt-link"
      aria-disabled={!possible}
      onClick={() => {
        if (possible) {
          turn(next);
        }
      }}
    >
      {title} {noun}s
    </button>
  );
  return (
    <p class="nbt-more">
      <span class="nbt-muted" role="status">
        {grouped(Math.min(first + 1, count))} to {grouped(Math.min(first + size, count))} of {plural(count, noun)}
      </span>{' '}
      {live && (
        <>
          {button('Previous', first - size, first > 0)} {button('Next', first + size, first + size < count)}
        </>
      )}
    </p>
  );
}

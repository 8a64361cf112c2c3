import { ofAll } from '../../logic/format';

interface Props {
  /** How many are shown, and how many there are. Nothing is shown if these are all. */
  shown: number;
  count: number;
  /** What they are, in the singular. */
  noun: string;
  /** Loads more of them. Null if none can be loaded, such as in a saved notebook. */
  load: (() => void) | null;
  busy?: boolean;
  /** The name of the button, if several of them are on the screen. */
  label?: string;
}

/** How many of a list are shown, with a button that loads more. */
export function More({ shown, count, noun, load, busy = false, label }: Props) {
  if (shown >= count) {
    return null;
  }
  return (
    <p class="nbt-more">
      <span class="nbt-muted" role="status">
        {ofAll(shown, count, noun)}
      </span>{' '}
      {load && (
        <button
          type="button"
          class={`nbt-link nbt-more-${noun}s`}
          aria-label={label}
          aria-disabled={busy}
          onClick={load}
        >
          Show more {noun}s
        </button>
      )}
    </p>
  );
}

import { useLayoutEffect, useRef } from 'preact/hooks';
import { COLORS, DASHES } from '../../style/theme';
import { useUniqueId } from '../form/unique_id';
import { Swatch } from '../swatch/swatch';

const DASH_NAMES = ['solid', 'dashed', 'dotted', 'dashed and dotted'];

interface Props {
  /** The name of the run, or the value that it belongs to. */
  label: string;
  slot: number;
  change: (slot: number) => void;
  /** Gives the line its default style again, if another one was chosen. */
  reset?: () => void;
  /** `back` tells whether the focus returns to the button that opened this. */
  close: (back: boolean) => void;
}

/** Chooses the color and the dash of a run's line. The radio buttons of a group follow the arrow keys. */
export function LineStyle({ label, slot, change, reset, close }: Props) {
  const id = useUniqueId();
  const panel = useRef<HTMLDivElement>(null);
  // A line of the scale, or of no value, has none of these colors.
  const [color, dash] = slot >= 0 ? [slot % COLORS, Math.floor(slot / COLORS) % DASHES.length] : [-1, 0];
  useLayoutEffect(() => {
    const inputs = panel.current!.querySelectorAll<HTMLInputElement>('input');
    ([...inputs].find((input) => input.checked) ?? inputs[0])?.focus();
  }, []);
  const group = (
    name: string,
    count: number,
    chosen: number,
    slotOf: (at: number) => number,
    nameOf: (at: number) => string,
  ) => (
    <fieldset class="nbt-line-styles">
      <legend>{name}</legend>
      {Array.from({ length: count }, (_, at) => (
        <label key={at} title={nameOf(at)}>
          <input
            type="radio"
            class="nbt-visually-hidden"
            name={`${id}-${name}`}
            aria-label={nameOf(at)}
            checked={at === chosen}
            onChange={() => change(slotOf(at))}
          />
          <Swatch slot={slotOf(at)} />
        </label>
      ))}
    </fieldset>
  );
  return (
    <div
      ref={panel}
      class="nbt-floating nbt-line-style"
      role="dialog"
      aria-label={`Line of ${label}`}
      onKeyDown={(event) => {
        // JupyterLab would take the arrow keys for itself.
        event.stopPropagation();
        if (event.key === 'Escape') {
          event.preventDefault();
          close(true);
        }
      }}
      onFocusOut={(event) => {
        const next = event.relatedTarget as Node | null;
        if (next && !event.currentTarget.contains(next)) {
          close(false);
        }
      }}
    >
      {group(
        'Color',
        COLORS,
        color,
        (at) => dash * COLORS + at,
        (at) => `color ${at + 1}`,
      )}
      {group(
        'Line',
        DASHES.length,
        dash,
        (at) => at * COLORS + Math.max(0, color),
        (at) => DASH_NAMES[at]!,
      )}
      <span class="nbt-line-style-foot">
        <button type="button" class="nbt-link" aria-disabled={!reset} onClick={() => reset?.()}>
          Default
        </button>
        <button type="button" class="nbt-link" onClick={() => close(true)}>
          Close
        </button>
      </span>
    </div>
  );
}

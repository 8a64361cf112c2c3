import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

const BY_KEY: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

interface Props {
  index: number;
  title: string;
  /** Whether the options are shown. */
  options: Signal<boolean>;
  drag: (event: PointerEvent) => void;
  move: (to: number) => void;
  remove: () => void;
  /** What stands beside the title. */
  children: ComponentChildren;
}

/** The title of a chart among others, by which it is moved, and its buttons. */
export function PanelHead({ index, title, options, drag, move, remove, children }: Props) {
  return (
    <header class="nbt-curve-head">
      <button
        type="button"
        class="nbt-curve-title"
        title={`${title}\nDrag to move the chart. The arrow keys move it too.`}
        aria-label={`Chart ${index + 1}: ${title}. The arrow keys move it.`}
        onPointerDown={drag}
        onKeyDown={(event) => {
          const by = BY_KEY[event.key];
          if (by) {
            event.preventDefault();
            event.stopPropagation();
            move(index + by);
          }
        }}
      >
        {title}
      </button>
      {children}
      <button
        type="button"
        class="nbt-link nbt-curve-options"
        aria-expanded={options.value}
        aria-label={`Options of ${title}`}
        onClick={() => (options.value = !options.value)}
      >
        Options
      </button>
      <button
        type="button"
        class="nbt-link nbt-curve-remove"
        aria-label={`Remove the chart of ${title}`}
        title="Remove the chart"
        onClick={remove}
      >
        ×
      </button>
    </header>
  );
}

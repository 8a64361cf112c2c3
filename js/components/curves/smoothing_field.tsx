import type { Signal } from '@preact/signals';

interface Props {
  /** The weight while the slider is moved. */
  weight: Signal<number>;
  /** Called with the weight when the slider is released. */
  change: (weight: number) => void;
}

/** The slider of the smoothing. */
export function SmoothingField({ weight, change }: Props) {
  return (
    <label class="nbt-field nbt-smoothing">
      Smoothing
      <input
        type="range"
        min="0"
        max="0.99"
        step="0.01"
        value={weight.value}
        onInput={(event) => (weight.value = Number(event.currentTarget.value))}
        onChange={(event) => change(Number(event.currentTarget.value))}
      />
      <output>{weight.value.toFixed(2)}</output>
    </label>
  );
}

import type { ComponentChildren } from 'preact';
import { useUniqueId } from '../form/unique_id';

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, text: string])[];
  change: (value: T) => void;
  class?: string;
}

export function Select<T extends string>({ label, value, options, change, class: name }: SelectProps<T>) {
  const id = useUniqueId();
  return (
    <span class={`nbt-field ${name ?? ''}`}>
      <label for={id}>{label}</label>
      <select id={id} class="nbt-select" value={value} onChange={(event) => change(event.currentTarget.value as T)}>
        {options.map(([option, text]) => (
          <option key={option} value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
}

interface CheckProps {
  checked: boolean;
  change: (checked: boolean) => void;
  children: ComponentChildren;
  class?: string;
}

export function Check({ checked, change, children, class: name }: CheckProps) {
  return (
    <label class={`nbt-check ${name ?? ''}`}>
      <input type="checkbox" checked={checked} onChange={(event) => change(event.currentTarget.checked)} />
      {children}
    </label>
  );
}

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
  /** Why it cannot be changed now. */
  reason?: string | undefined;
  change: (checked: boolean) => void;
  children: ComponentChildren;
  class?: string;
}

export function Check({ checked, reason, change, children, class: name }: CheckProps) {
  const id = useUniqueId();
  const isFixed = reason !== undefined;
  return (
    <>
      <label class={`nbt-check ${isFixed ? 'nbt-fixed' : ''} ${name ?? ''}`} title={reason}>
        <input
          type="checkbox"
          checked={checked}
          aria-disabled={isFixed}
          aria-describedby={isFixed ? id : undefined}
          onClick={(event) => isFixed && event.preventDefault()}
          onChange={(event) => !isFixed && change(event.currentTarget.checked)}
        />
        {children}
      </label>
      {isFixed && (
        <span id={id} class="nbt-visually-hidden">
          {reason}
        </span>
      )}
    </>
  );
}

import { useMemo } from 'preact/hooks';

/** An id that no other widget of the page has. Preact's own useId counts from zero in each root, so that two widgets' ids meet. */
export function useUniqueId(): string {
  return useMemo(() => `nbt-${Math.random().toString(36).slice(2)}`, []);
}

import { useMemo } from 'preact/hooks';

/**
 * Return an ID that is unique on the page. Preact's useId counts from zero in each root, so two widgets would get the
 * same IDs.
 */
export function useUniqueId(): string {
  return useMemo(() => `nbt-${Math.random().toString(36).slice(2)}`, []);
}

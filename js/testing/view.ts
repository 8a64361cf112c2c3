import { signal } from '@preact/signals';
import type { ViewState } from '../contract';
import { View } from '../state/view';

/** Return the view of a comparison, with these fields instead of the defaults. */
export function viewOf(fields: Partial<ViewState> = {}): View {
  return new View(signal(fields));
}

const KEY = 'nbtrack:filters';
const MOST_FILTERS = 20;
const LONGEST_FILTER = 2000;

/**
 * Return the filters that the user of this browser applied last, the newest first. They are kept in the browser and not in
 * the view, because a notebook that is handed on would carry them.
 */
export function readFilters(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isFilter).slice(0, MOST_FILTERS) : [];
  } catch {
    // Some pages have no storage, and another program may have written to it.
    return [];
  }
}

/** Put a filter in front of the others. */
export function keepFilter(filter: string): void {
  if (!isFilter(filter)) {
    return;
  }
  try {
    const others = readFilters().filter((each) => each !== filter);
    localStorage.setItem(KEY, JSON.stringify([filter, ...others].slice(0, MOST_FILTERS)));
  } catch {
    // Without a storage, or if it is full, there is no history.
  }
}

function isFilter(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST_FILTER;
}

export interface RowWindow {
  first: number;
  /** One past the last row. */
  end: number;
  /** Heights in px of the rows above and below the window. */
  above: number;
  below: number;
}

/** Return which of `total` rows are visible, with `extra` rows on either side so that scrolling shows no gaps. */
export function rowWindow(scrollTop: number, viewport: number, rowHeight: number, total: number, extra = 8): RowWindow {
  const first = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight) - extra), Math.max(0, total - 1));
  const end = Math.min(total, Math.ceil((scrollTop + viewport) / rowHeight) + extra);
  return {
    first,
    end: Math.max(first, end),
    above: first * rowHeight,
    below: Math.max(0, total - Math.max(first, end)) * rowHeight,
  };
}

/** Return the numbers (from 0) of the pages that hold rows `first` to `end`. */
export function pagesOf(first: number, end: number, pageSize: number): number[] {
  if (end <= first) {
    return [];
  }
  const from = Math.floor(first / pageSize);
  const to = Math.floor((end - 1) / pageSize);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

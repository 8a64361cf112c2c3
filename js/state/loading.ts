/** The columns that are being fetched, by page. */
export class Loading<Page> {
  private readonly pages = new Map<Page, Set<string>>();

  /**
   * Return those of the columns that are not on their way for a page yet, which are from now on. Null if there are none, and
   * the page is on its way.
   */
  claim(page: Page, columns: readonly string[]): string[] | null {
    const loading = this.pages.get(page);
    const missing = columns.filter((id) => !loading?.has(id));
    if (loading && missing.length === 0) {
      return null;
    }
    this.pages.set(page, new Set([...(loading ?? []), ...missing]));
    return missing;
  }

  /** Columns of a page are not on their way any more. */
  release(page: Page, columns: readonly string[]): void {
    const loading = this.pages.get(page);
    for (const id of columns) {
      loading?.delete(id);
    }
    if (!loading || loading.size === 0) {
      this.pages.delete(page);
    }
  }

  clear(): void {
    this.pages.clear();
  }
}

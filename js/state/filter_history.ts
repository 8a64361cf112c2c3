import type { Connection } from '../connection/connection';

/**
 * The filters that the user applied before, the newest first. The store keeps them for each user, so another notebook has
 * them too. They are not in the view, because a notebook that is handed on would carry them.
 */
export class FilterHistory {
  private last: string | null = null;

  constructor(private readonly connection: Connection) {}

  /** Return the filters, or none if the store cannot be read. */
  async read(): Promise<string[]> {
    try {
      return (await this.connection.request('filters', {})).reply.filters;
    } catch {
      return [];
    }
  }

  /** Put a filter in front of the others. */
  async keep(filter: string): Promise<void> {
    if (filter.trim() === '' || filter === this.last) {
      return;
    }
    this.last = filter;
    try {
      await this.connection.request('keep_filter', { filter });
    } catch {
      // A store that cannot be written has no history.
    }
  }
}

import type { Signal } from '@preact/signals';
import type { Connection } from '../connection/connection';
import { ColumnState } from './columns';
import { Folding } from './folding';
import { RunPages } from './pages';
import { QueryState } from './query';
import { RunSearch } from './search';
import { Selection } from './selection';

/** The states of the comparison. A component takes those that it needs. */
export interface ComparisonState {
  connection: Connection;
  query: QueryState;
  folding: Folding;
  pages: RunPages;
  columns: ColumnState;
  selection: Selection;
  search: RunSearch;
}

interface Options {
  order_by?: string[];
  unfolded?: string[];
}

/** `filter` and `selected` (IDs of runs) may be set from outside while the comparison is shown. */
export function comparisonState(
  connection: Connection,
  filter: Signal<string>,
  selected: Signal<string[]>,
  { order_by, unfolded }: Options = {},
): ComparisonState {
  const folding = new Folding(unfolded);
  const query = new QueryState(filter, folding, order_by);
  const [pages, columns] = [new RunPages(), new ColumnState()];
  const search = new RunSearch(connection, query, pages, columns);
  return { connection, query, folding, pages, columns, selection: new Selection(selected), search };
}

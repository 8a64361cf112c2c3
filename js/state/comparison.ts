import type { Signal } from '@preact/signals';
import type { Connection } from '../connection/connection';
import { CachedConnection } from '../data/cached';
import { CurveCache } from '../data/curves';
import { GroupCurveCache } from '../data/group_curves';
import { ColumnState } from './columns';
import { Folding } from './folding';
import { GroupSearch } from './group_search';
import { GroupPages } from './groups';
import { RunPages } from './pages';
import { Panels } from './panels';
import { QueryState } from './query';
import { TableRows } from './rows';
import { RunSearch } from './search';
import { Selection } from './selection';
import { StyleValues } from './style_values';
import { View } from './view';

/** The states of the comparison. A component takes those that it needs. */
export interface ComparisonState {
  connection: CachedConnection;
  curves: CurveCache;
  groupCurves: GroupCurveCache;
  view: View;
  query: QueryState;
  folding: Folding;
  pages: RunPages;
  groups: GroupPages;
  /** The rows of the table: of `pages`, or of `groups`. */
  rows: TableRows;
  columns: ColumnState;
  selection: Selection;
  styleValues: StyleValues;
  panels: Panels;
  search: RunSearch;
  /** Read again whatever has changed in the store, and the table from its first row. */
  refresh: () => Promise<void>;
  /** Read again whatever has changed in the store, with the rows in sight. */
  update: () => Promise<void>;
}

/** `synced` holds a `ViewState`, which may be set from outside while the comparison is shown. */
export function comparisonState(host: Connection, synced: Signal<unknown>): ComparisonState {
  const connection = new CachedConnection(host);
  const curves = new CurveCache(connection);
  const groupCurves = new GroupCurveCache(connection);
  const view = new View(synced);
  const query = new QueryState(view);
  const [pages, columns] = [new RunPages(), new ColumnState(view)];
  const selection = new Selection(view, (run_id) => pages.run(run_id));
  const groups = new GroupPages(view, pages);
  const groupSearch = new GroupSearch(connection, groups, columns, selection);
  const search = new RunSearch(connection, query, pages, columns, selection, groups, groupSearch);
  const styleValues = new StyleValues(connection, selection);
  return {
    connection,
    curves,
    groupCurves,
    view,
    query,
    folding: new Folding(view),
    pages,
    groups,
    rows: new TableRows(pages, groups),
    columns,
    selection,
    styleValues,
    panels: new Panels(view),
    search,
    refresh: () => {
      connection.forget();
      curves.refresh();
      styleValues.refresh();
      groupCurves.refresh();
      return search.apply();
    },
    update: () => {
      connection.forget();
      curves.refresh();
      styleValues.refresh();
      groupCurves.refresh();
      return search.update();
    },
  };
}

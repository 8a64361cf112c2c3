import { batch, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import { type ErrorReply, type GroupRow, MOST_GROUPS, MOST_ROWS, type TableRow } from '../../contract';
import { readRuns } from '../../data/runs_by_id';
import type { Column } from '../../logic/column_model';
import type { GroupPages } from '../../state/groups';
import type { RunPages } from '../../state/pages';

interface Wanted {
  connection: Connection;
  pages: RunPages;
  groups: GroupPages;
  filter: string;
  /** The values of metrics to return. */
  columns: readonly Column[];
  run_ids: readonly string[];
  /** The keys of groups. */
  keys: readonly string[];
  /** Whether values that are missing are requested. */
  active: boolean;
}

/** What was read of runs and groups that the table does not have. Null stands for one that does not exist or match. */
interface Answered {
  /** What `current` belongs to. */
  scope: string;
  /** The IDs and keys that have been read since the last query. */
  current: ReadonlySet<string>;
  runs: ReadonlyMap<string, TableRow | null>;
  groups: ReadonlyMap<string, GroupRow | null>;
}

/** The row of a run or a group, and whether its values are known. A value that it does not have is missing then. */
export interface Found<T> {
  row: T | null | undefined;
  known: boolean;
}

export interface BarValues {
  run: (run_id: string) => Found<TableRow>;
  group: (key: string) => Found<GroupRow>;
  error: ErrorReply | null;
  retry: () => void;
}

const NONE: Answered = { scope: '', current: new Set(), runs: new Map(), groups: new Map() };

/**
 * Return values of runs and groups. They come from the rows of the table. Those that are on pages that have not
 * been read, or that do not match the filter, are requested together.
 */
export function useBarValues(wanted: Wanted): BarValues {
  const { connection, pages, groups, filter, columns, run_ids, keys, active } = wanted;
  const ids = columns.map(({ id }) => id);
  const by = groups.by.value;
  const scope = JSON.stringify([pages.queries.value, filter, by, ids]);
  const answered = useSignal(NONE);
  const error = useSignal<ErrorReply | null>(null);
  const again = useSignal(0);
  const { runs, groups: readOfGroups } = answered.value;
  const current = answered.value.scope === scope ? answered.value.current : NONE.current;
  const inAll = (sets: readonly Set<string>[]) => (id: string) => sets.every((set) => set.has(id));
  const hasRun = inAll(ids.map((id) => pages.having(id)));
  const hasGroup = inAll(ids.map((id) => groups.having(id)));
  const nameOf = (key: string) => `${by} ${key}`;
  const isAsked = active && connection.live && columns.length > 0 && pages.loaded.value;
  const missing = isAsked ? run_ids.filter((id) => !current.has(id) && !hasRun(id)).slice(0, MOST_ROWS) : [];
  const unreadGroups = keys.filter((key) => !current.has(nameOf(key)) && !hasGroup(key));
  const missingGroups = isAsked && by !== null ? unreadGroups.slice(0, MOST_GROUPS) : [];

  const put = (rows: [string, TableRow | null][], found: [string, GroupRow | null][]) => {
    const before = answered.peek();
    const others = before.scope === scope ? before.current : [];
    batch(() => {
      error.value = null;
      answered.value = {
        scope,
        current: new Set([...others, ...rows.map(([id]) => id), ...found.map(([name]) => name)]),
        runs: new Map([...before.runs, ...rows]),
        groups: new Map([...before.groups, ...found]),
      };
    });
  };
  const send = (request: (signal: AbortSignal) => Promise<void>) => {
    const controller = new AbortController();
    request(controller.signal).catch((cause) => {
      if (!isAbort(cause)) {
        error.value = RequestError.of(cause).reply;
      }
    });
    return () => controller.abort();
  };
  useEffect(() => {
    if (missing.length === 0) {
      return;
    }
    return send(async (signal) => {
      const rows = await readRuns(
        connection,
        missing,
        requested(columns, 'statistics', ({ key }) => key),
        signal,
      );
      put(
        missing.map((id) => [id, rows.get(id) ?? null]),
        [],
      );
    });
  }, [connection, scope, missing.join(), again.value]);
  useEffect(() => {
    if (by === null || missingGroups.length === 0) {
      return;
    }
    return send(async (signal) => {
      const rows = await readGroups(connection, filter, by, missingGroups, columns, signal);
      put(
        [],
        missingGroups.map((key) => [nameOf(key), rows.get(key) ?? null]),
      );
    });
  }, [connection, scope, missingGroups.join('\n'), again.value]);

  // Until a value has been read again, the one that was shown last stays.
  const found = <T>(has: boolean, isRead: boolean, ofTable: T | undefined, read: T | null | undefined): Found<T> => ({
    row: has || read === undefined ? ofTable : read,
    known: has || isRead,
  });
  return {
    run: (id) => found(hasRun(id), current.has(id), pages.run(id), runs.get(id)),
    group: (key) => found(hasGroup(key), current.has(nameOf(key)), groups.group(key), readOfGroups.get(nameOf(key))),
    error: error.value,
    retry: () => (again.value += 1),
  };
}

/** Read groups by their keys. */
async function readGroups(
  connection: Connection,
  filter: string,
  by: string,
  keys: readonly string[],
  columns: readonly Column[],
  signal: AbortSignal,
): Promise<Map<string, GroupRow>> {
  const { reply } = await connection.request(
    'groups',
    {
      ...{ filter, experiment_ids: null, by, order_by: [], statistic: 'mean', offset: 0, limit: 1, params: [] },
      ...{ keys: [...keys], ...requested(columns, 'columns', ({ id }) => id) },
    },
    signal,
  );
  return new Map(reply.groups.map((group) => [group.key, group]));
}

/** Return the fields of a request for the last values of metrics, and for other statistics of them. */
function requested<N extends string>(columns: readonly Column[], others: N, nameOf: (column: Column) => string) {
  const isLast = ({ statistic }: Column) => statistic === 'last';
  const names = columns.filter((column) => !isLast(column)).map(nameOf);
  return { metrics: columns.filter(isLast).map(({ key }) => key), [others]: names } as Record<N | 'metrics', string[]>;
}

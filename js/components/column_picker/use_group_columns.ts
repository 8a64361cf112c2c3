import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import type { ErrorReply, GroupColumn } from '../../contract';
import { plural } from '../../logic/format';
import type { QueryState } from '../../state/query';
import type { Choice } from './column_picker';

const KINDS: Record<GroupColumn['kind'], string> = {
  param: 'Params',
  tag: 'Tags',
  dataset: 'Datasets',
  attribute: 'Attributes',
};
const MOST_LISTED = 200;

interface GroupColumns {
  choices: readonly Choice[];
  error: ErrorReply | null;
  /** Read the columns whose names have some words. */
  load: (words: string) => Promise<void>;
}

/** Return the columns with values that runs can share, which are read when a picker is opened or searched. */
export function useGroupColumns(connection: Connection, query: QueryState): GroupColumns {
  const found = useSignal<readonly GroupColumn[]>([]);
  const error = useSignal<ErrorReply | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const load = async (words: string) => {
    controller.current?.abort();
    controller.current = new AbortController();
    const { signal } = controller.current;
    // The kernel looks for one part of a name, and the list for several words.
    const part = words.trim().split(/\s+/)[0] ?? '';
    const payload = {
      ...{ filter: query.filter.peek(), experiment_ids: null, limit: MOST_LISTED },
      ...(part !== '' && { search: part }),
    };
    try {
      const { reply } = await connection.request('group_columns', payload, signal);
      if (!signal.aborted) {
        const known = new Set(reply.columns.map(({ column }) => column));
        // Those that are known stay, so that the list does not flicker while the user types.
        const others = part === '' ? [] : found.peek().filter(({ column }) => !known.has(column));
        found.value = [...reply.columns, ...others];
        error.value = null;
      }
    } catch (cause) {
      if (!isAbort(cause)) {
        error.value = RequestError.of(cause).reply;
      }
    }
  };
  return { choices: byKind(found.value).map(choiceOf), error: error.value, load };
}

/** Put columns of the same kind together, where the first of them is. The most useful column stays the first. */
function byKind(columns: readonly GroupColumn[]): GroupColumn[] {
  const kinds = [...new Set(columns.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => columns.filter((column) => column.kind === kind));
}

function choiceOf({ column, kind, name, groups }: GroupColumn): Choice {
  return { id: column, kind: KINDS[kind], name, detail: plural(groups, 'value') };
}

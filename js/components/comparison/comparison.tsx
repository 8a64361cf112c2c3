import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Hint, RunRow } from '../../contract';
import { replaceKey } from '../../logic/completion';
import { grouped, ofAll, plural } from '../../logic/format';
import { columnTitle, nameOfKey } from '../../logic/groups';
import { shorten } from '../../logic/shorten';
import type { ComparisonState } from '../../state/comparison';
import { FilterHistory } from '../../state/filter_history';
import { ColorBy } from '../color_by/color_by';
import { ColumnChooser } from '../column_chooser/column_chooser';
import { CopyTable } from '../copy_table/copy_table';
import { Curves } from '../curves/curves';
import { Check, Select } from '../fields/fields';
import { GroupField } from '../group_field/group_field';
import { lazy } from '../lazy/lazy';
import { ParameterDiff } from '../parameter_diff/parameter_diff';
import { Problem } from '../problem/problem';
import { QueryBox } from '../query_box/query_box';
import { completer } from '../query_box/use_completions';
import { counter } from '../query_box/use_matches';
import { RunTable } from '../run_table/run_table';
import { type Kept, SavedNote } from '../saved_note/saved_note';
import { SavedViews } from '../saved_views/saved_views';

const RegisterForm = lazy('the form', () =>
  import('../register_form/registry_forms').then((code) => code.RegisterForm),
);

/** The largest number of runs in a list of choices. */
const MOST_LISTED = 100;
/** The prefix of groups among the choices of a baseline. */
const GROUP = 'group ';

/** The runs that match a query: as a table, as curves, and side by side. */
export function Comparison({ state }: { state: ComparisonState }) {
  const {
    connection,
    query,
    pages,
    groups,
    columns,
    selection,
    styleValues,
    search,
    folding,
    panels,
    curves,
    groupCurves,
    refresh,
    update,
  } = state;
  const registering = useSignal<RunRow | null>(null);
  const history = useMemo(() => new FilterHistory(connection), [connection]);
  useEffect(() => {
    void refresh();
    const unfollow = search.follow();
    const unwatch = connection.watch(update);
    const unfollowValues = styleValues.follow();
    return () => {
      unfollow();
      unwatch();
      unfollowValues();
      search.stop();
    };
  }, []);
  const error = search.error.value;
  const wrong = error?.error_code === 'INVALID_PARAMETER_VALUE' ? error : null;
  const selected = selection.ids.value.length;
  const selectedGroups = selection.groups.value.length;
  const hasBaseline = selection.baseline.value !== null || selection.baselineGroup.value !== null;
  const isGrouped = groups.by.value !== null;
  const compared = selection.compared.value.length;
  const constant = columns.constant.value;
  return (
    <div class="nbt-comparison" data-live={connection.live}>
      {!connection.live && <SavedNote kept={keptOf(state)} />}
      <div class="nbt-query-row">
        <QueryBox
          applied={query.filter.value}
          error={wrong}
          disabled={!connection.live}
          apply={(filter) => void search.apply(filter)}
          complete={completer(connection)}
          count={counter(connection)}
          history={history}
        />
        {connection.live && <SavedViews connection={connection} view={state.view} />}
      </div>
      <Problem error={wrong ? null : error} retry={() => void search.apply()} />
      <div class="nbt-count">
        {pages.loaded.value ? (
          <>
            <span aria-live="polite">
              {isGrouped && `${plural(groups.total.value, 'group')} of `}
              {plural(pages.total.value, 'run')}
              {pages.nested.value > 0 && !isGrouped && `, ${grouped(pages.nested.value)} of them nested`},{' '}
              {selectedGroups > 0 && plural(selectedGroups, 'group')}
              {selectedGroups > 0 && selected > 0 && ` and ${plural(selected, 'run')}`}
              {selectedGroups === 0 && (isGrouped && selected > 0 ? plural(selected, 'run') : grouped(selected))}{' '}
              selected
              {selected > compared && `, of which the first ${grouped(compared)} are compared`}
            </span>
            {selected + selectedGroups > 0 && (
              <button type="button" class="nbt-link nbt-clear-selection" onClick={() => selection.clear()}>
                Clear selection
              </button>
            )}
            {wrong && pages.total.value > 0 && (
              <span class="nbt-muted">The table still shows the results of the last valid filter.</span>
            )}
          </>
        ) : (
          <span>{error ? '' : 'Loading runs…'}</span>
        )}
        {(pages.total.value > 0 || query.groupBy.value !== null) && (
          <GroupField connection={connection} query={query} search={search} />
        )}
        {pages.nested.value > 0 && !isGrouped && (
          <Check class="nbt-grouped" checked={folding.grouped.value} change={(on) => search.group(on)}>
            Nest under parents
          </Check>
        )}
        {constant > 0 && pages.total.value > 1 && (
          <Check
            class="nbt-all-params"
            checked={columns.allParams.value}
            change={(on) => (columns.allParams.value = on)}
          >
            Show {plural(constant, 'param')} that {constant === 1 ? 'is' : 'are'} the same in every run
          </Check>
        )}
        {columns.loaded.value < columns.total.value && (
          <span class="nbt-muted">{ofAll(columns.loaded.value, columns.total.value, 'column')}</span>
        )}
        {pages.total.value > 0 && (
          <>
            <ColumnChooser columns={columns} />
            <CopyTable connection={connection} query={query} groups={groups} columns={columns} view={state.view} />
          </>
        )}
        {(selected + selectedGroups > 1 || hasBaseline) && (
          <BaselineField selection={selection} pages={pages} groups={groups} columns={columns} />
        )}
        {connection.live && (
          <button type="button" class="nbt-link nbt-refresh" onClick={() => void refresh()}>
            Refresh
          </button>
        )}
      </div>
      {pages.loaded.value && pages.total.value === 0 ? (
        <NoRuns
          filter={query.filter.value}
          last={wrong !== null}
          hints={pages.hints.value}
          apply={(filter) => void search.apply(filter)}
        />
      ) : (
        <RunTable
          query={query}
          search={search}
          pages={pages}
          rows={state.rows}
          groups={groups}
          columns={columns}
          folding={folding}
          selection={selection}
          register={connection.live ? (row) => (registering.value = row) : null}
        />
      )}
      {registering.value && (
        <RegisterForm
          key={registering.value.run_id}
          connection={connection}
          run={registering.value}
          close={() => (registering.value = null)}
        />
      )}
      {(selected > 1 || selection.styleBy.value !== null) && (
        <ColorBy connection={connection} query={query} selection={selection} values={styleValues} />
      )}
      {(pages.total.value > 0 || selected + selectedGroups > 0) && (
        <div class="nbt-split">
          <Curves
            connection={connection}
            cache={curves}
            groupCache={groupCurves}
            groups={groups}
            query={query}
            panels={panels}
            selection={selection}
            pages={pages}
            columns={columns}
          />
          <ParameterDiff
            connection={connection}
            query={query}
            selection={selection}
            pages={pages}
            groups={groups}
            columns={columns}
          />
        </div>
      )}
    </div>
  );
}

/** Chooses the run or the group that the others are compared with, among those that are selected. */
function BaselineField({
  selection,
  pages,
  groups,
  columns,
}: Pick<ComparisonState, 'selection' | 'pages' | 'groups' | 'columns'>) {
  const [run, group] = [selection.baseline.value, selection.baselineGroup.value];
  const withFirst = (first: string | null, others: string[]) =>
    first === null || others.includes(first) ? others : [first, ...others];
  const ids = withFirst(run, selection.ids.value.slice(0, MOST_LISTED));
  const keys = groups.by.value === null ? [] : withFirst(group, selection.groups.value.slice(0, MOST_LISTED));
  const nameOf = (id: string) => (pages.run(id) ?? columns.baselineRow(id))?.run_name ?? id.slice(0, 8);
  const by = columnTitle(groups.by.value ?? '');
  const titleOf = (key: string) => `${by} ${nameOfKey(key, groups.group(key) ?? groups.baselineRow(key))}`;
  const options = [
    ...keys.map((key) => [`${GROUP}${key}`, shorten(titleOf(key), 24)] as const),
    ...ids.map((id) => [id, shorten(nameOf(id), 24)] as const),
  ];
  return (
    <Select
      label="Baseline"
      class="nbt-baseline-field"
      value={group === null ? (run ?? '') : `${GROUP}${group}`}
      options={[['', 'none'], ...options]}
      change={(value) =>
        selection.setBaseline(
          value === ''
            ? null
            : value.startsWith(GROUP)
              ? { kind: 'group', id: value.slice(GROUP.length) }
              : { kind: 'run', id: value },
        )
      }
    />
  );
}

/** Return how many groups or runs were saved, if not all of them. */
function keptOf({ connection, pages, groups }: ComparisonState): Kept | null {
  const [saved, kept] = [connection.first('groups')?.reply, connection.first('runs')?.reply.rows.length];
  const isGrouped = groups.by.value !== null;
  if (isGrouped && saved && saved.groups.length < saved.count) {
    return { rows: saved.groups.length, total: saved.count, noun: 'group' };
  }
  const [rows, total] = [isGrouped ? (kept ?? 0) : pages.count.value, pages.total.value];
  return pages.loaded.value && rows < total ? { rows, total, noun: 'run' } : null;
}

interface NoRunsProps {
  filter: string;
  /** Whether another filter stands in the query box, which is not valid. */
  last: boolean;
  hints: Hint[];
  apply: (filter: string) => void;
}

function NoRuns({ filter, last, hints, apply }: NoRunsProps) {
  return (
    <div class="nbt-empty nbt-no-runs">
      {filter !== '' ? (
        <>
          <p>
            {last ? (
              <>
                No run matched the last valid filter, <code>{shorten(filter, 80)}</code>.
              </>
            ) : (
              'No run matches this filter. Clear it to see all runs.'
            )}
          </p>
          {hints.map(({ key, near }) => (
            <p key={key}>
              No run has <code>{key}</code>.{near.length > 0 && ' Did you mean '}
              {near.map((name, i) => (
                <span key={name}>
                  {i > 0 && (i === near.length - 1 ? ' or ' : ', ')}
                  {replaceKey(filter, key, name) !== filter ? (
                    <button type="button" class="nbt-link" onClick={() => apply(replaceKey(filter, key, name))}>
                      <code>{name}</code>
                    </button>
                  ) : (
                    <code>{name}</code>
                  )}
                </span>
              ))}
              {near.length > 0 && '?'}
            </p>
          ))}
        </>
      ) : (
        <p>
          No runs yet. Start a cell with <code>%%track</code>, or log inside a <code>with nbtrack.start_run():</code>{' '}
          block.
        </p>
      )}
    </div>
  );
}

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RunRow } from '../contract';
import { plural } from '../logic/format';
import type { ComparisonState } from './comparison_state';
import { Curves } from './curves';
import { Check } from './fields';
import { ParameterDiff } from './parameter_diff';
import { Problem } from './problem';
import { QueryBox } from './query_box';
import { RegisterForm } from './register_form';
import { RunTable } from './run_table';
import { SavedNote } from './saved_note';

/** Runs that a query finds: table, curves, differences. */
export function Comparison({ state }: { state: ComparisonState }) {
  const registering = useSignal<RunRow | null>(null);
  const { connection } = state;
  useEffect(() => {
    void state.apply();
    const unfollow = state.follow();
    return () => {
      unfollow();
      state.stop();
    };
  }, []);
  const error = state.error.value;
  const wrong = error?.error_code === 'INVALID_PARAMETER_VALUE' ? error : null;
  const ticked = state.selected.value.length;
  const same = state.params.value.filter((param) => !param.differs).length;
  return (
    <div class="nbt-comparison" data-live={connection.live}>
      {!connection.live && <SavedNote />}
      <QueryBox
        applied={state.filter.value}
        error={wrong}
        disabled={!connection.live}
        apply={(filter) => void state.apply(filter)}
        complete={(text, position, signal) => state.complete(text, position, signal)}
      />
      <Problem error={wrong ? null : error} retry={() => void state.apply()} />
      <div class="nbt-count" aria-live="polite">
        {state.loaded.value ? (
          <>
            <span>
              {plural(state.total.value, 'run')}
              {state.nested.value > 0 && `, ${state.nested.value} of them nested`}, {ticked} ticked
            </span>
            {ticked > 0 && (
              <button type="button" class="nbt-link nbt-untick" onClick={() => (state.selected.value = [])}>
                Untick all
              </button>
            )}
            {wrong && <span class="nbt-muted">The table still shows the last filter that worked.</span>}
          </>
        ) : (
          <span>{error ? '' : 'Loading runs…'}</span>
        )}
        {state.nested.value > 0 && (
          <Check class="nbt-grouped" checked={state.grouped.value} change={(on) => state.group(on)}>
            Group by parent
          </Check>
        )}
        {same > 0 && state.total.value > 1 && (
          <Check class="nbt-all-params" checked={state.allParams.value} change={(on) => (state.allParams.value = on)}>
            Show {plural(same, 'param')} that {same === 1 ? 'is' : 'are'} the same in every run
          </Check>
        )}
        {connection.live && (
          <button type="button" class="nbt-link nbt-refresh" onClick={() => void state.apply()}>
            Refresh
          </button>
        )}
      </div>
      {state.loaded.value && state.total.value === 0 ? (
        <NoRuns filtered={state.filter.value !== ''} />
      ) : (
        <RunTable state={state} register={(row) => (registering.value = row)} />
      )}
      {registering.value && (
        <RegisterForm
          key={registering.value.run_id}
          connection={connection}
          run={registering.value}
          close={() => (registering.value = null)}
        />
      )}
      {(state.total.value > 0 || ticked > 0) && (
        <div class="nbt-split">
          <Curves state={state} metric={state.metrics.value[0] ?? state.system.value[0] ?? ''} />
          <ParameterDiff state={state} />
        </div>
      )}
    </div>
  );
}

function NoRuns({ filtered }: { filtered: boolean }) {
  return (
    <p class="nbt-empty nbt-no-runs">
      {filtered ? (
        'No run matches this filter. Clear it to see every run.'
      ) : (
        <>
          No runs yet. Put <code>%%track</code> on top of a cell, or log in a <code>with nbtrack.start_run():</code> block.
        </>
      )}
    </p>
  );
}

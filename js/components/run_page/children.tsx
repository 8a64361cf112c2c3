import { useSignal } from '@preact/signals';
import type { RunPageReply } from '../../contract';
import { formatDuration, formatNumber } from '../../logic/format';
import type { RunPageState } from '../../state/run_page';
import { Pager } from '../live_run/pager';
import { StatusBadge } from '../status/status';
import { Grid, RunButton, useReply } from './parts';

/** How many children are shown at a time. */
const RUNS = 50;
/** How many of their params, and how many of their metrics, are shown. Those that differ come first. */
const COLUMNS = 4;

interface Props {
  reply: RunPageReply;
  state: RunPageState;
}

/** The runs that are nested directly in a run, in the order of their start. */
export function Children({ reply: { run, now, child_count }, state }: Props) {
  const { connection } = state;
  const offset = useSignal(0);
  const payload = {
    filter: `tags.\`mlflow.parentRunId\` = '${run.run_id.replaceAll("'", "''")}'`,
    experiment_ids: null,
    order_by: ['attributes.start_time ASC'],
    grouped: false,
    unfolded: null,
    offset: offset.value,
    limit: RUNS,
    column_limit: COLUMNS,
  };
  const [found, shown] = useReply(connection, 'runs', payload, state.changes.value);
  const params = found?.params.slice(0, COLUMNS).map(({ key }) => key) ?? [];
  const metrics = found?.metrics.slice(0, COLUMNS) ?? [];
  return (
    <>
      {shown}
      {found && (
        <Grid
          label="Nested runs"
          head={['Run', 'Status', 'Duration', ...params, ...metrics]}
          rows={found.rows.map((child) => [
            <RunButton key={child.run_id} run={child} state={state} />,
            <StatusBadge key={child.run_id} status={child.status} />,
            formatDuration((child.end_time ?? now) - child.start_time),
            ...params.map((key) => child.params[key]),
            ...metrics.map((key) => formatNumber(child.metrics[key])),
          ])}
        />
      )}
      <Pager
        offset={offset.value}
        turn={(to) => (offset.value = to)}
        size={RUNS}
        count={child_count}
        noun="nested run"
        live={connection.live}
      />
    </>
  );
}

import { signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { Comparison } from '../components/comparison';
import { ComparisonState } from '../components/comparison_state';
import { LiveRun } from '../components/live_run';
import { RegistryBoard } from '../components/registry_board';
import { SavedConnection } from '../connection/saved';
import type { Snapshot } from '../connection/snapshot';

/** The component of a saved view, on the data that the notebook kept. */
export function savedView(snapshot: Snapshot): ComponentChild {
  const connection = new SavedConnection(snapshot);
  const { filter = '', selected = [], order_by, unfolded, run_id = '', name = null } = snapshot.options ?? {};
  switch (snapshot.view) {
    case 'comparison':
      return <Comparison state={new ComparisonState(connection, signal(filter), signal(selected), order_by, unfolded)} />;
    case 'live':
      return <LiveRun connection={connection} run_id={run_id} />;
    case 'registry':
      return <RegistryBoard connection={connection} name={name} />;
    default:
      return <p class="nbt-empty">This view was saved by a newer nbtrack.</p>;
  }
}

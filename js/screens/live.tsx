import { LiveRun } from '../components/live_run/live_run';
import { DEFAULT_VIEW } from '../components/panel_sections/metric_panels';
import type { PanelsView } from '../contract';
import type { Screen } from './screen';

interface Options {
  run_id: string;
  /** Notebooks saved by earlier versions lack it. */
  view: PanelsView;
}

export const live: Screen<Options> = {
  traits: { view: '_view' },
  render: ({ connection, options, synced }) => (
    <LiveRun connection={connection} run_id={options.run_id ?? ''} view={synced('view', DEFAULT_VIEW)} />
  ),
};

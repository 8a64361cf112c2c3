import { DEFAULT_VIEW } from '../components/panel_sections/metric_panels';
import { RunPage } from '../components/run_page/run_page';
import type { PanelsView } from '../contract';
import type { Screen } from './screen';

interface Options {
  run_id: string;
  tab: string;
  view: PanelsView;
}

export const run_page: Screen<Options> = {
  traits: { tab: '_tab', view: '_view' },
  render: ({ connection, options, synced }) => (
    <RunPage
      connection={connection}
      run_id={options.run_id ?? ''}
      tab={synced('tab', 'Overview')}
      view={synced('view', DEFAULT_VIEW)}
    />
  ),
};

import { LiveRun } from '../components/live_run/live_run';
import type { Screen } from './screen';

interface Options {
  run_id: string;
}

export const live: Screen<Options> = {
  render: ({ connection, options }) => <LiveRun connection={connection} run_id={options.run_id ?? ''} />,
};

import { LiveRun } from '../components/live_run';
import { widget } from './host';

export default widget(({ model, connection }) => (
  <LiveRun connection={connection} run_id={model.get('_snapshot').options.run_id ?? ''} />
));

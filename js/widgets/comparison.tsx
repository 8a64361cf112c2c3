import { Comparison } from '../components/comparison';
import { ComparisonState } from '../components/comparison_state';
import { trait, widget } from './host';

export default widget((host) => {
  const { order_by, unfolded } = host.model.get('_snapshot').options;
  const [filter, selected] = [trait(host, 'filter_string'), trait(host, '_selected')];
  const state = new ComparisonState(host.connection, filter, selected, order_by, unfolded);
  return <Comparison state={state} />;
});

import { Comparison } from '../components/comparison';
import { ComparisonState } from '../components/comparison_state';
import { trait, widget } from './host';

export default widget((host) => {
  const { order_by } = host.model.get('_snapshot').options;
  const state = new ComparisonState(host.connection, trait(host, 'filter_string'), trait(host, '_selected'), order_by);
  return <Comparison state={state} />;
});

import { Comparison } from '../components/comparison/comparison';
import { comparisonState } from '../state/comparison';
import type { Screen } from './screen';

interface Options {
  filter: string;
  /** The IDs of the selected runs. */
  selected: string[];
  order_by: string[];
  /** The IDs of the runs whose nested runs are shown. */
  unfolded: string[];
}

export const comparison: Screen<Options> = {
  traits: { filter: 'filter_string', selected: '_selected' },
  render: ({ connection, options, synced }) => {
    const [filter, selected] = [synced('filter', ''), synced('selected', [])];
    return <Comparison state={comparisonState(connection, filter, selected, options)} />;
  },
};

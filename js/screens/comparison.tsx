import { signal } from '@preact/signals';
import { Comparison } from '../components/comparison/comparison';
import type { ViewState } from '../contract';
import { comparisonState } from '../state/comparison';
import type { Screen } from './screen';

interface Options {
  view: ViewState;
  /** Before there was a `view`, notebooks were saved with these parts of it. */
  filter: string;
  order_by: string[];
  selected: string[];
  unfolded: string[];
}

export const comparison: Screen<Options> = {
  traits: { view: '_view' },
  render: ({ connection, options, synced }) => {
    const { filter: query, order_by: sorts, selected, unfolded } = options;
    const isOld = options.view === undefined && query !== undefined;
    const view = isOld ? signal({ query, sorts, selected, unfolded }) : synced('view', options.view!);
    return <Comparison state={comparisonState(connection, view)} />;
  },
};

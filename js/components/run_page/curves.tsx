import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { PanelsView, RunPageReply } from '../../contract';
import { CurveCache, type CurveSettings } from '../../data/curves';
import type { PanelData } from '../../data/panel_data';
import type { RunPageState } from '../../state/run_page';
import { MetricPanels } from '../panel_sections/metric_panels';
import { Problem } from '../problem/problem';
import { ListPager } from './parts';

interface Props {
  reply: RunPageReply;
  state: RunPageState;
  view: Signal<PanelsView>;
}

/** The curves of all metrics of a run. While it runs, only curves that have changed are sent again. */
export function Curves({ reply, state, view }: Props) {
  const { connection } = state;
  const { run_id, metrics } = reply.run;
  const keys = Object.keys(metrics);
  const cache = useMemo(() => new CurveCache(connection), []);
  const shown = useSignal<{ settings: readonly CurveSettings[]; values: PanelData['values'] }>({
    settings: [],
    values: {},
  });
  useEffect(() => {
    const settings = keys.map((key): CurveSettings => ({ key, axis: 'step', x_metric: null, range: null }));
    shown.value = { settings, values: metrics };
    cache.show(cache, [run_id], settings);
  }, [keys.join('\n')]);
  useEffect(() => {
    shown.value = { ...shown.peek(), values: metrics };
  }, [reply]);
  useEffect(() => {
    if (state.changes.value > 0) {
      cache.refresh();
    }
  }, [state.changes.value]);
  useEffect(() => () => cache.hide(cache), []);
  const data = useComputed((): PanelData => {
    const { settings, values } = shown.value;
    const found = settings.flatMap((one) => {
      const curve = cache.curve(run_id, one);
      return curve ? [[one.key, curve] as const] : [];
    });
    return { curves: new Map(found), values, best: null, marks: new Map() };
  });
  const error = cache.error(shown.value.settings);
  return (
    <>
      {reply.metric_count === 0 && <p class="nbt-empty">None.</p>}
      <MetricPanels panels={reply.panels} system={reply.system} data={data} view={view} run_id={run_id} />
      <ListPager state={state} list="metric" count={reply.metric_count} />
      <Problem error={error} retry={() => cache.again()} />
    </>
  );
}

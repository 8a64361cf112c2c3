import { type ReadonlySignal, type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Panel, PanelsView } from '../../contract';
import type { Range } from '../../data/curves';
import type { PanelData } from '../../data/panel_data';
import { SmoothingField } from '../curves/smoothing_field';
import { Check } from '../fields/fields';
import { MetricPanel } from './metric_panel';
import { FoldButton, PanelSections } from './panel_sections';

const SYSTEM = 'system/';
/** The sections of system metrics, which are folded at first. */
const SCOPES = [
  ['process', 'This process'],
  ['machine', 'The whole machine'],
] as const;

/** The view of panels that nobody has changed. */
export const DEFAULT_VIEW: PanelsView = { open: {}, smoothing: 0, log: false, best: true };

interface Props {
  panels: readonly Panel[];
  /** Panels of system metrics. */
  system: readonly Panel[];
  data: ReadonlySignal<PanelData>;
  view: Signal<PanelsView>;
  /** The ID of the run. Its panels share their cursor. */
  run_id: string;
  /** What stands between the metrics of the run and those of the system. */
  children?: ComponentChildren;
}

/** The curves of all metrics of a run, in sections that fold, with what is common to them: smoothing and axes. */
export function MetricPanels({ panels, system, data, view, run_id, children }: Props) {
  const range = useSignal<Range | null>(null);
  const { smoothing, log, best, open } = view.value;
  const change = (fields: Partial<PanelsView>) => (view.value = { ...view.peek(), ...fields });
  const weight = useSignal(smoothing);
  useEffect(() => {
    weight.value = smoothing;
  }, [smoothing]);
  const common = { data, view, weight, range, group: `live ${run_id}` };
  return (
    <>
      {panels.length > 0 && (
        <PanelSections
          panels={panels}
          open={open}
          change={(next) => change({ open: next })}
          draw={(panel) => <MetricPanel key={panel.title} panel={panel} {...common} />}
        >
          <SmoothingField weight={weight} change={(next) => change({ smoothing: next })} />
          <Check class="nbt-log" checked={log} change={(on) => change({ log: on })}>
            Log y
          </Check>
          {data.value.best && (
            <Check class="nbt-best-run" checked={best} change={(on) => change({ best: on })}>
              Best run so far
            </Check>
          )}
        </PanelSections>
      )}
      {children}
      {SCOPES.map(([scope, title]) => {
        const members = system.filter((panel) => (panel.scope === 'process' ? 'process' : 'machine') === scope);
        const isOpen = open[title] ?? false;
        return (
          members.length > 0 && (
            <section key={scope} class="nbt-system" aria-label={`System metrics: ${title}`}>
              <FoldButton
                title={title}
                count={members.length}
                isOpen={isOpen}
                change={(next) => change({ open: { ...open, [title]: next } })}
              />
              {isOpen && (
                <div class="nbt-panels">
                  {members.map((panel) => (
                    <MetricPanel key={panel.title} panel={panel} {...common} omit={SYSTEM} />
                  ))}
                </div>
              )}
            </section>
          )
        );
      })}
    </>
  );
}

import { type Signal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { ModelRow, Stage, VersionRow } from '../../contract';
import { grouped } from '../../logic/format';
import { More } from '../more/more';
import { StageBadge } from '../stage/stage';
import type { Action } from './action_panel';
import { VersionCard } from './version_card';

interface ColumnProps {
  stage: Stage;
  model: ModelRow;
  /** How many versions there are in the stage, loaded or not. */
  count: number;
  connection: Connection;
  /** Loads more versions of the stage and returns the first new one. */
  more: () => Promise<VersionRow | undefined>;
  /** What the user is about to do. */
  action: Signal<Action | null>;
  changed: () => Promise<void>;
}

/** The versions in one stage of a model, and the gates in front of it. */
export function StageColumn({ stage, model, count, connection, more, action, changed }: ColumnProps) {
  const list = useRef<HTMLDivElement>(null);
  const busy = useSignal(false);
  const isRolling = action.value?.kind === 'rollback' && action.value.stage === stage;
  const versions = model.versions.filter((version) => version.stage === stage);
  const gates = model.gates?.filter((gate) => gate.stage === stage) ?? [];
  const load = async () => {
    if (busy.peek()) {
      return;
    }
    busy.value = true;
    const first = await more();
    busy.value = false;
    // With the keyboard, the user goes on at the first new version, also if the button is gone by now.
    if (first) {
      list.current?.querySelector<HTMLElement>(`[data-version='${first.version}']`)?.focus();
    }
  };
  return (
    <section class="nbt-stage-column" data-stage={stage} aria-label={`Stage ${stage}`}>
      <h4 class="nbt-stage-head">
        <StageBadge stage={stage} /> <span class="nbt-muted">{grouped(count)}</span>{' '}
        {connection.live && (stage === 'Production' || stage === 'Staging') && count > 0 && (
          <button
            type="button"
            class="nbt-button"
            aria-label={`Roll back ${stage}`}
            aria-expanded={isRolling}
            onClick={() => (action.value = isRolling ? null : { kind: 'rollback', stage })}
          >
            Roll back…
          </button>
        )}
      </h4>
      {gates.map(({ gate, filter }) => (
        <p key={gate} class="nbt-gate" title={`Gate ${gate}: the run of a version must match this filter`}>
          <span class="nbt-muted">Gate</span> <code>{filter}</code>
        </p>
      ))}
      {count === 0 && <p class="nbt-none">–</p>}
      <div class="nbt-stage-versions" ref={list}>
        {versions.map((version) => (
          <VersionCard
            key={version.version}
            version={version}
            aliases={model.aliases ?? {}}
            connection={connection}
            action={action}
            changed={changed}
          />
        ))}
      </div>
      <More
        shown={versions.length}
        count={count}
        noun="version"
        label={`Show more versions in ${stage}`}
        busy={busy.value}
        load={connection.live ? () => void load() : null}
      />
    </section>
  );
}

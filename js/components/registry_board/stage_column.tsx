import type { Connection } from '../../connection/connection';
import type { GateRow, Stage, VersionRow } from '../../contract';
import { StageBadge } from '../stage/stage';
import { VersionCard } from './version_card';

interface ColumnProps {
  stage: Stage;
  versions: VersionRow[];
  /** The versions of all stages. */
  all: VersionRow[];
  gates: GateRow[];
  connection: Connection;
  moved: (version: VersionRow) => void;
}

/** The versions in one stage of a model, and the gates in front of it. */
export function StageColumn({ stage, versions, all, gates, connection, moved }: ColumnProps) {
  return (
    <section class="nbt-stage-column" data-stage={stage} aria-label={`Stage ${stage}`}>
      <h4 class="nbt-stage-head">
        <StageBadge stage={stage} /> <span class="nbt-muted">{versions.length}</span>
      </h4>
      {gates.map(({ gate, filter }) => (
        <p key={gate} class="nbt-gate" title={`Gate ${gate}: what a version's run must satisfy to come in here`}>
          <span class="nbt-muted">Gate</span> <code>{filter}</code>
        </p>
      ))}
      {versions.length === 0 && <p class="nbt-none">–</p>}
      <div class="nbt-stage-versions">
        {versions.map((version) => (
          <VersionCard key={version.version} version={version} all={all} connection={connection} moved={moved} />
        ))}
      </div>
    </section>
  );
}

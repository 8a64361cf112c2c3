import type { Stage } from '../../contract';

export const STAGES: readonly Stage[] = ['None', 'Staging', 'Production', 'Archived'];

export function StageBadge({ stage }: { stage: string }) {
  return <span class={`nbt-stage nbt-stage-${stage.toLowerCase()}`}>{stage}</span>;
}

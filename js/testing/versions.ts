import type { ModelRow, PreviewTransitionReply, VersionRow } from '../contract';

/** A version of the model `digits`. */
export function versionRow(version: number, fields: Partial<VersionRow> = {}): VersionRow {
  return {
    name: 'digits',
    version,
    stage: 'None',
    creation_time: 0,
    user_id: 'ada',
    description: '',
    source: 'runs:/r/model',
    aliases: [],
    run_id: 'r',
    run_name: 'calm-owl',
    metrics: { acc: 0.9 },
    ...fields,
  };
}

/** The model `digits`. */
export function modelRow(versions: VersionRow[], fields: Partial<ModelRow> = {}): ModelRow {
  return { name: 'digits', description: '', creation_time: 0, versions, events: [], gates: [], ...fields };
}

/** What moving a version to a stage with these versions would do. */
export function previewOf(
  candidate: VersionRow,
  current: VersionRow[],
  fields: Partial<PreviewTransitionReply> = {},
): PreviewTransitionReply {
  return {
    candidate,
    current: current.map(({ version }) => version),
    count: current.length,
    leaving: null,
    beside: current.slice(0, 2),
    lower_is_better: [],
    differences: [],
    gates: [],
    ...fields,
  };
}

import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { ModelRow } from '../../contract';
import { ofAll, plural } from '../../logic/format';
import { Models, versionCounts } from '../../state/registry';
import { Problem } from '../problem/problem';
import { SavedNote } from '../saved_note/saved_note';
import { STAGES } from '../stage/stage';
import { History } from './history';
import { StageColumn } from './stage_column';

interface Props {
  connection: Connection;
  /** The model to show. Null shows all models. */
  name: string | null;
}

/** Registered models: their versions by stage, and the history of each. */
export function RegistryBoard({ connection, name }: Props) {
  const models = useMemo(() => new Models(connection, name), [connection, name]);
  const chosen = useSignal<string | null>(name);
  useEffect(() => {
    const controller = new AbortController();
    void models.load(controller.signal);
    return () => controller.abort();
  }, [models]);
  const rows = models.rows.value;
  const model = rows?.find((candidate) => candidate.name === chosen.value) ?? rows?.[0];
  return (
    <div class="nbt-registry" data-live={connection.live}>
      {!connection.live && <SavedNote />}
      <Problem error={models.error.value} retry={() => void models.load()} />
      {rows === null && !models.error.value && <p class="nbt-empty">Loading models…</p>}
      {rows?.length === 0 && (
        <p class="nbt-empty nbt-no-models">
          No registered models yet. Register one from the comparison (<code>nbtrack.compare()</code>) or with{' '}
          <code>nbtrack.register_model("runs:/…/model", "name")</code>.
        </p>
      )}
      {rows && rows.length > 1 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
        <div class="nbt-models" role="group" aria-label="Registered models">
          {rows.map((candidate) => (
            <button
              key={candidate.name}
              type="button"
              class="nbt-button nbt-model"
              aria-pressed={candidate === model}
              onClick={() => (chosen.value = candidate.name)}
            >
              {candidate.name}
            </button>
          ))}
        </div>
      )}
      {rows && rows.length < models.count.value && (
        <p class="nbt-more">
          <span class="nbt-muted">{ofAll(rows.length, models.count.value, 'model')}</span>{' '}
          {connection.live && (
            <button type="button" class="nbt-link nbt-more-models" onClick={() => void models.more()}>
              Show more models
            </button>
          )}
        </p>
      )}
      {model && <Model key={model.name} connection={connection} model={model} models={models} />}
    </div>
  );
}

function Model({ connection, model, models }: { connection: Connection; model: ModelRow; models: Models }) {
  const notice = useSignal('');
  const counts = versionCounts(model);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    <section class="nbt-model-board" aria-label={`Model ${model.name}`}>
      <div class="nbt-model-head">
        <h3 class="nbt-model-title">{model.name}</h3>
        <span class="nbt-muted">{plural(total, 'version')}</span>
        {connection.live && (
          <button type="button" class="nbt-link nbt-refresh" onClick={() => void models.load()}>
            Refresh
          </button>
        )}
        {model.description && <p class="nbt-model-description">{model.description}</p>}
      </div>
      <p class="nbt-notice" role="status">
        {notice.value}
      </p>
      <div class="nbt-board">
        {STAGES.map((stage) => (
          <StageColumn
            key={stage}
            stage={stage}
            model={model}
            count={counts[stage] ?? 0}
            connection={connection}
            more={() => models.moreVersions(model, stage)}
            moved={(version) => {
              notice.value = `${version.name} version ${version.version} is now in ${version.stage}.`;
              void models.reload(model);
            }}
          />
        ))}
      </div>
      <History
        events={model.events}
        count={model.event_count ?? model.events.length}
        more={connection.live ? () => models.moreEvents(model) : null}
      />
    </section>
  );
}

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../../connection/connection';
import type { ErrorReply, ModelRow } from '../../contract';
import { plural } from '../../logic/format';
import { Problem } from '../problem/problem';
import { SavedNote } from '../saved_note/saved_note';
import { STAGES } from '../stage/stage';
import { History } from './history';
import { StageColumn } from './stage_column';

interface Props {
  connection: Connection;
  /** The one model to show; null for all. */
  name: string | null;
}

/** Registered models: versions by stage, and who moved what when. */
export function RegistryBoard({ connection, name }: Props) {
  const models = useSignal<ModelRow[] | null>(connection.first('registry')?.reply.models ?? null);
  const chosen = useSignal<string | null>(name);
  const error = useSignal<ErrorReply | null>(null);
  const load = (signal?: AbortSignal) =>
    connection.request('registry', { name }, signal).then(
      ({ reply }) => {
        models.value = reply.models;
        error.value = null;
      },
      (cause) => {
        if (!isAbort(cause)) {
          error.value = RequestError.of(cause).reply;
        }
      },
    );
  useEffect(() => {
    const controller = new AbortController();
    void load(controller.signal);
    return () => controller.abort();
  }, []);
  const model = models.value?.find((candidate) => candidate.name === chosen.value) ?? models.value?.[0];
  return (
    <div class="nbt-registry" data-live={connection.live}>
      {!connection.live && <SavedNote />}
      <Problem error={error.value} retry={() => void load()} />
      {models.value === null && !error.value && <p class="nbt-empty">Loading models…</p>}
      {models.value?.length === 0 && (
        <p class="nbt-empty nbt-no-models">
          No registered models yet. Register one from the comparison (<code>nbtrack.compare()</code>) or with{' '}
          <code>nbtrack.register_model("runs:/…/model", "name")</code>.
        </p>
      )}
      {models.value && models.value.length > 1 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
        <div class="nbt-models" role="group" aria-label="Registered models">
          {models.value.map((candidate) => (
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
      {model && <Model key={model.name} connection={connection} model={model} reload={() => void load()} />}
    </div>
  );
}

function Model({ connection, model, reload }: { connection: Connection; model: ModelRow; reload: () => void }) {
  const said = useSignal('');
  return (
    <section class="nbt-model-board" aria-label={`Model ${model.name}`}>
      <div class="nbt-model-head">
        <h3 class="nbt-model-title">{model.name}</h3>
        <span class="nbt-muted">{plural(model.versions.length, 'version')}</span>
        {connection.live && (
          <button type="button" class="nbt-link nbt-refresh" onClick={reload}>
            Refresh
          </button>
        )}
        {model.description && <p class="nbt-model-description">{model.description}</p>}
      </div>
      <p class="nbt-said" role="status">
        {said.value}
      </p>
      <div class="nbt-board">
        {STAGES.map((stage) => (
          <StageColumn
            key={stage}
            stage={stage}
            versions={model.versions.filter((version) => version.stage === stage)}
            all={model.versions}
            gates={model.gates?.filter((gate) => gate.stage === stage) ?? []}
            connection={connection}
            moved={(version) => {
              said.value = `${version.name} version ${version.version} is now in ${version.stage}.`;
              reload();
            }}
          />
        ))}
      </div>
      <History events={model.events} />
    </section>
  );
}

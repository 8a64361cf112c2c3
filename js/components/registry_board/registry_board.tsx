import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { ModelRow } from '../../contract';
import { plural } from '../../logic/format';
import { Models, versionCounts } from '../../state/registry';
import { More } from '../more/more';
import { Problem } from '../problem/problem';
import { SavedNote } from '../saved_note/saved_note';
import { STAGES } from '../stage/stage';
import { History } from './history';
import { StageColumn } from './stage_column';

const PAUSE_MS = 250;

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
    void models.load();
    const unwatch = connection.watch(() => models.load());
    return () => {
      unwatch();
      models.stop();
    };
  }, [models]);
  const rows = models.rows.value;
  const group = useRef<HTMLDivElement>(null);
  const more = async () => {
    const before = models.rows.peek()?.length ?? 0;
    await models.more();
    requestAnimationFrame(() => (group.current?.children[before] as HTMLElement | undefined)?.focus());
  };
  const model = rows?.find((candidate) => candidate.name === chosen.value) ?? rows?.[0];
  return (
    <div class="nbt-registry" data-live={connection.live}>
      {!connection.live && <SavedNote />}
      <Problem error={models.error.value} retry={() => void models.load()} />
      {rows === null && !models.error.value && <p class="nbt-empty">Loading models…</p>}
      {name === null && models.many.value && <ModelSearch models={models} />}
      {rows?.length === 0 && models.search.value !== '' && (
        <p class="nbt-empty">
          No {connection.live ? '' : 'saved '}model has “{models.search.value}” in its name.
        </p>
      )}
      {rows?.length === 0 && models.search.value === '' && (
        <p class="nbt-empty nbt-no-models">
          No registered models yet. Register one from the comparison (<code>nbtrack.compare()</code>) or with{' '}
          <code>nbtrack.register_model("runs:/…/model", "name")</code>.
        </p>
      )}
      {rows && rows.length > 1 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
        <div class="nbt-models" ref={group} role="group" aria-label="Registered models">
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
      {rows && (
        <More
          shown={rows.length}
          count={models.count.value}
          noun="model"
          load={connection.live ? () => void more() : null}
        />
      )}
      {model && <Model key={model.name} connection={connection} model={model} models={models} />}
    </div>
  );
}

/** A search by name, which is done after a pause in typing. Enter searches at once, and Escape shows all models. */
function ModelSearch({ models }: { models: Models }) {
  const text = useSignal('');
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const find = (value: string, pause = 0) => {
    text.value = value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void models.find(value.trim()), pause);
  };
  const count = models.count.value;
  return (
    <p class="nbt-model-search">
      <input
        class="nbt-input"
        type="search"
        aria-label="Search models by name"
        placeholder="Search models by name"
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(event) => find(event.currentTarget.value, PAUSE_MS)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || event.key === 'Escape') {
            // JupyterLab would leave the cell.
            event.preventDefault();
            event.stopPropagation();
            find(event.key === 'Enter' ? text.value : '');
          }
        }}
      />{' '}
      <span class="nbt-muted" role="status">
        {models.search.value && count > 0 && count === models.rows.value?.length && plural(count, 'model')}
      </span>
    </p>
  );
}

function Model({ connection, model, models }: { connection: Connection; model: ModelRow; models: Models }) {
  const notice = useSignal('');
  const board = useRef<HTMLDivElement>(null);
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
      <div class="nbt-board" ref={board}>
        {STAGES.map((stage) => (
          <StageColumn
            key={stage}
            stage={stage}
            model={model}
            count={counts[stage] ?? 0}
            connection={connection}
            more={() => models.moreVersions(model, stage)}
            moved={async (version) => {
              notice.value = `${version.name} version ${version.version} is now in ${version.stage}.`;
              await models.reload(model);
              board.current?.querySelector<HTMLElement>(`[data-version='${version.version}']`)?.focus();
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

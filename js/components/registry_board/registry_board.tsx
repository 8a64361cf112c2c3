import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Connection } from '../../connection/connection';
import type { ModelRow } from '../../contract';
import { plural } from '../../logic/format';
import { Models, versionCounts } from '../../state/registry';
import { lazy } from '../lazy/lazy';
import { More } from '../more/more';
import { Problem } from '../problem/problem';
import { SavedNote } from '../saved_note/saved_note';
import { STAGES } from '../stage/stage';
import type { Action } from './action_panel';
import { History } from './history';
import { StageColumn } from './stage_column';

const ActionPanel = lazy('the form', () => import('../register_form/registry_forms').then((code) => code.ActionPanel));

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
      {name === null && models.many.value && (
        <Search
          label="Search models by name"
          placeholder="Search models by name"
          pause={PAUSE_MS}
          find={(search) => void models.find(search)}
        >
          <span class="nbt-muted" role="status">
            {models.search.value &&
              models.count.value > 0 &&
              models.count.value === rows?.length &&
              plural(rows.length, 'model')}
          </span>
        </Search>
      )}
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

interface SearchProps {
  label: string;
  placeholder: string;
  title?: string;
  value?: string;
  /** How long a pause in typing begins the search. Without it, only Enter does. */
  pause?: number;
  find: (value: string) => void;
  children: ComponentChildren;
}

/** A field whose search Enter does at once. Escape shows everything again. */
function Search({ label, value = '', pause, find, children, ...field }: SearchProps) {
  const text = useSignal(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (typed: string, wait: number | undefined) => {
    text.value = typed;
    clearTimeout(timer.current);
    if (wait !== undefined || typed === '') {
      timer.current = setTimeout(() => find(typed.trim()), wait ?? 0);
    }
  };
  return (
    <div class="nbt-search">
      <input
        {...field}
        class="nbt-input"
        type="search"
        aria-label={label}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(event) => change(event.currentTarget.value, pause)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || event.key === 'Escape') {
            // JupyterLab would leave the cell.
            event.preventDefault();
            event.stopPropagation();
            change(event.key === 'Enter' ? text.value : '', 0);
          }
        }}
      />{' '}
      {children}
    </div>
  );
}

function Model({ connection, model, models }: { connection: Connection; model: ModelRow; models: Models }) {
  const notice = useSignal('');
  const action = useSignal<Action | null>(null);
  const board = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const counts = versionCounts(model);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const isFiltered = models.filter.value !== '';
  const refresh = () => models.reload(model);
  return (
    <section class="nbt-model-board" aria-label={`Model ${model.name}`}>
      <div class="nbt-model-head">
        <h3 class="nbt-model-title" tabIndex={-1} ref={head}>
          {model.name}
        </h3>
        <span class="nbt-muted" role="status">
          {isFiltered
            ? `${plural(total, 'version')} that ${total === 1 ? 'matches' : 'match'}`
            : plural(total, 'version')}
        </span>
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
      {connection.live && (isFiltered || total > 1) && (
        <Search
          label="Filter versions"
          placeholder="Filter versions: 3, @champion, metrics.loss < 0.1"
          title="A number, an alias, or a filter such as metrics.`val/loss` < 0.1 AND tags.reviewed = 'yes'. Press Enter."
          value={models.filter.peek()}
          find={(filter) => void models.match(filter)}
        >
          <Problem error={models.filterError.value} />
        </Search>
      )}
      {action.value && (
        <ActionPanel
          key={JSON.stringify(action.value)}
          connection={connection}
          name={model.name}
          action={action.value}
          cancel={() => (action.value = null)}
          done={async (what, { version }) => {
            action.value = null;
            notice.value = what;
            await refresh();
            // By now, the user may have opened another form.
            if (action.peek() === null) {
              const card = board.current?.querySelector<HTMLElement>(`[data-version='${version}']`);
              (card ?? head.current)?.focus();
            }
          }}
        />
      )}
      <div class="nbt-board" ref={board}>
        {STAGES.map((stage) => (
          <StageColumn
            key={stage}
            stage={stage}
            model={model}
            count={counts[stage] ?? 0}
            connection={connection}
            more={() => models.moreVersions(model, stage)}
            action={action}
            changed={refresh}
          />
        ))}
      </div>
      <History
        name={model.name}
        events={model.events}
        all={() => models.allEvents(model)}
        count={model.event_count ?? model.events.length}
        more={connection.live ? () => models.moreEvents(model) : null}
      />
    </section>
  );
}

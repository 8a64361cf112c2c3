import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import type { DiffReply, ErrorReply, EventRow, GateRow, LineageReply, ModelRow, Stage, VersionRow } from '../contract';
import { formatNumber, formatTime, plural } from '../logic/format';
import { Problem } from './problem';
import { SavedNote } from './saved_note';
import { STAGES, StageBadge } from './stage';
import { TransitionForm } from './transition_form';

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

interface ColumnProps {
  stage: Stage;
  versions: VersionRow[];
  /** Those of the other stages too. */
  all: VersionRow[];
  gates: GateRow[];
  connection: Connection;
  moved: (version: VersionRow) => void;
}

function StageColumn({ stage, versions, all, gates, connection, moved }: ColumnProps) {
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

function VersionCard({ version, all, connection, moved }: { version: VersionRow } & Pick<ColumnProps, 'all' | 'connection' | 'moved'>) {
  const moving = useSignal(false);
  const open = useSignal(false);
  const metrics = Object.entries(version.metrics);
  return (
    <article class="nbt-version" data-version={version.version} aria-label={`${version.name} version ${version.version}`}>
      <div class="nbt-version-head">
        <b>Version {version.version}</b>
        {version.aliases.map((alias) => (
          <span key={alias} class="nbt-alias">
            @{alias}
          </span>
        ))}
      </div>
      {version.run_id && (
        <button
          type="button"
          class="nbt-link nbt-version-run"
          aria-expanded={open.value}
          title={version.run_id}
          onClick={() => (open.value = !open.value)}
        >
          <span class="nbt-caret" aria-hidden="true">
            {open.value ? '▾' : '▸'}
          </span>
          <span class="nbt-run-name">{version.run_name || version.run_id.slice(0, 8)}</span>
        </button>
      )}
      {open.value ? (
        <>
          <RunBehind connection={connection} run_id={version.run_id} metrics={version.metrics} />
          <Origin connection={connection} version={version} />
        </>
      ) : (
        <dl class="nbt-pairs">
          {metrics.slice(0, 3).map(([key, value]) => (
            <div key={key}>
              <dt title={key}>{key}</dt>
              <dd>{formatNumber(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {version.description && <p class="nbt-version-description">{version.description}</p>}
      <div class="nbt-version-foot">
        <span class="nbt-muted" title={new Date(version.creation_time).toLocaleString()}>
          {version.user_id ? `${version.user_id}, ` : ''}
          {formatTime(version.creation_time)}
        </span>
        {connection.live && !moving.value && (
          <button
            type="button"
            class="nbt-button nbt-move"
            aria-label={`Move version ${version.version} of ${version.name}`}
            onClick={() => (moving.value = true)}
          >
            Move…
          </button>
        )}
      </div>
      {moving.value && (
        <TransitionForm
          connection={connection}
          version={version}
          versions={all}
          cancel={() => (moving.value = false)}
          done={(next) => {
            moving.value = false;
            moved(next);
          }}
        />
      )}
    </article>
  );
}

/** Params and metrics of the run that made a version. */
function RunBehind({ connection, run_id, metrics }: { connection: Connection; run_id: string; metrics: VersionRow['metrics'] }) {
  const reply = useSignal<DiffReply | null>(null);
  const error = useSignal<ErrorReply | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    connection.request('diff', { run_ids: [run_id] }, controller.signal).then(
      (answer) => (reply.value = answer.reply),
      (cause) => {
        if (!isAbort(cause)) {
          error.value = RequestError.of(cause).reply;
        }
      },
    );
    return () => controller.abort();
  }, [run_id]);
  const params = reply.value?.rows.filter((row) => row.section === 'param') ?? [];
  return (
    <div class="nbt-run-behind">
      <dl class="nbt-pairs">
        {Object.entries(metrics).map(([key, value]) => (
          <div key={key}>
            <dt title={key}>{key}</dt>
            <dd>{formatNumber(value)}</dd>
          </div>
        ))}
      </dl>
      {params.length > 0 && (
        <dl class="nbt-pairs nbt-run-params">
          {params.map((row) => (
            <div key={row.key}>
              <dt title={row.key}>{row.key}</dt>
              <dd title={row.values[0] ?? ''}>{row.values[0]}</dd>
            </div>
          ))}
        </dl>
      )}
      <Problem error={error.value} />
    </div>
  );
}

/** Code, cell, data and environment that a version came from; nothing where none of it is known. */
function Origin({ connection, version: { name, version } }: { connection: Connection; version: VersionRow }) {
  const reply = useSignal<LineageReply | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    // A notebook that was saved has no lineage in it; the run's metrics above are shown all the same.
    connection.request('lineage', { name, version }, controller.signal).then(
      (answer) => (reply.value = answer.reply),
      () => undefined,
    );
    return () => controller.abort();
  }, [name, version]);
  if (reply.value === null) {
    return null;
  }
  const { copied_from, parents, code, cell, datasets, python, requirements } = reply.value;
  const rows: [label: string, text: string | undefined | null, title?: string][] = [
    ['copy of', copied_from],
    ['nested in', parents.join(' ‹ ')],
    ['code', code.source],
    ['commit', code.commit && code.commit.slice(0, 8) + (code.dirty === 'true' ? ' and changes' : ''), code.commit],
    ...datasets.map((data): [string, string, string] => ['data', `${data.name} ${data.digest}`, data.source]),
    ['python', python],
    ['requires', requirements.join(', ')],
  ];
  return (
    <div class="nbt-origin">
      <dl class="nbt-pairs" aria-label="Lineage">
        {rows.map(
          ([label, text, title], i) =>
            text && (
              <div key={i}>
                <dt>{label}</dt>
                <dd title={title ?? text}>{text}</dd>
              </div>
            ),
        )}
      </dl>
      {cell && (
        <details class="nbt-cell-behind">
          <summary>Cell</summary>
          <pre>{cell}</pre>
        </details>
      )}
    </div>
  );
}

const SHOWN_EVENTS = 8;

function History({ events }: { events: EventRow[] }) {
  const all = useSignal(false);
  const shown = all.value ? events : events.slice(0, SHOWN_EVENTS);
  return (
    <section class="nbt-history" aria-label="History">
      <h4 class="nbt-history-head">History</h4>
      {events.length === 0 && <p class="nbt-none">Nothing yet.</p>}
      <ol class="nbt-events">
        {shown.map((event, i) => (
          <li key={`${event.timestamp}-${i}`} class="nbt-event" data-kind={event.kind}>
            <time class="nbt-event-time" dateTime={new Date(event.timestamp).toISOString()} title={new Date(event.timestamp).toLocaleString()}>
              {formatTime(event.timestamp)}
            </time>
            <span class="nbt-event-user">{event.user_id}</span>
            <span class="nbt-event-what">
              <EventText event={event} />
              {event.reason && <span class="nbt-event-reason"> “{event.reason}”</span>}
            </span>
          </li>
        ))}
      </ol>
      {events.length > SHOWN_EVENTS && (
        <button type="button" class="nbt-link nbt-all-events" onClick={() => (all.value = !all.value)}>
          {all.value ? 'Show less' : `Show all ${events.length}`}
        </button>
      )}
    </section>
  );
}

function EventText({ event: { kind, version, old, new: value } }: { event: EventRow }) {
  const which = version === null ? '' : ` version ${version}`;
  switch (kind) {
    case 'stage':
      return (
        <>
          Version {version}: <StageBadge stage={old ?? ''} /> <span aria-label="to">→</span> <StageBadge stage={value ?? ''} />
        </>
      );
    case 'created':
      return <>Model created</>;
    case 'version_created':
      return (
        <>
          Version {version} registered <span class="nbt-muted">from {value}</span>
        </>
      );
    case 'rolled_back':
      return (
        <>
          <StageBadge stage={value ?? ''} /> rolled back{old && ` from version ${old}`} to version {version}
        </>
      );
    case 'gate_set':
    case 'gate_deleted':
      return (
        <>
          Gate {kind === 'gate_set' ? 'set' : 'removed'} <code class="nbt-muted">{value ?? old}</code>
        </>
      );
    case 'gate_overridden':
      return (
        <>
          Gate overridden for version {version}: <span class="nbt-muted">{old}</span>
        </>
      );
    case 'version_deleted':
      return <>Version {version} deleted</>;
    case 'alias_set':
      return (
        <>
          @{value} set to version {version}
          {old && <span class="nbt-muted"> (was version {old})</span>}
        </>
      );
    case 'alias_deleted':
      return (
        <>
          @{old} taken from version {version}
        </>
      );
    default:
      return (
        <>
          {kind.replaceAll('_', ' ')}
          {which} <span class="nbt-muted">{[old, value].filter(Boolean).join(' → ')}</span>
        </>
      );
  }
}

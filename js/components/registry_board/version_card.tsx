import { useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import type { VersionRow } from '../../contract';
import { formatNumber, formatTime } from '../../logic/format';
import { lazy } from '../lazy/lazy';
import { Origin } from './origin';
import { RunBehind } from './run_behind';

const TransitionForm = lazy('the form', () =>
  import('../transition_form/transition_form').then((code) => code.TransitionForm),
);

interface Props {
  version: VersionRow;
  connection: Connection;
  moved: (version: VersionRow) => void;
}

/** A model version: its run, its metrics, and the form that moves it to another stage. */
export function VersionCard({ version, connection, moved }: Props) {
  const moving = useSignal(false);
  const open = useSignal(false);
  const metrics = Object.entries(version.metrics);
  return (
    <article
      class="nbt-version"
      data-version={version.version}
      tabIndex={-1}
      aria-label={`${version.name} version ${version.version}`}
    >
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
        {connection.live && (
          <button
            type="button"
            class="nbt-button nbt-move"
            aria-label={`Move version ${version.version} of ${version.name}`}
            aria-expanded={moving.value}
            onClick={() => (moving.value = !moving.value)}
          >
            Move…
          </button>
        )}
      </div>
      {moving.value && (
        <TransitionForm
          connection={connection}
          version={version}
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

import { type Signal, useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import type { VersionRow } from '../../contract';
import { formatNumber, formatTime } from '../../logic/format';
import { lazy } from '../lazy/lazy';
import type { Action } from './action_panel';
import { Origin } from './origin';
import { RunBehind } from './run_behind';

const VersionLabels = lazy('the forms', () =>
  import('../register_form/registry_forms').then((code) => code.VersionLabels),
);

interface Props {
  version: VersionRow;
  /** The version that each alias of the model names. */
  aliases: Readonly<Record<string, number>>;
  connection: Connection;
  /** What the user is about to do. */
  action: Signal<Action | null>;
  changed: () => Promise<void>;
}

/** A model version: its run, its metrics, its aliases and tags, and what can be done with it. */
export function VersionCard({ version, aliases, connection, action, changed }: Props) {
  const open = useSignal(false);
  const tags = Object.entries(version.tags ?? {});
  const button = (kind: 'move' | 'delete', text: string) => {
    const now = action.value;
    const isOpen = now?.kind === kind && now.version.version === version.version;
    return (
      <button
        type="button"
        class={`nbt-button nbt-${kind}`}
        aria-label={`${text} version ${version.version} of ${version.name}`}
        aria-expanded={isOpen}
        onClick={() => (action.value = isOpen ? null : { kind, version })}
      >
        {text}…
      </button>
    );
  };
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
        <span class="nbt-run-name">{version.run_name || version.run_id.slice(0, 8) || 'no run'}</span>
      </button>
      {open.value && version.run_id && (
        <>
          <RunBehind connection={connection} run_id={version.run_id} metrics={version.metrics} />
          <Origin connection={connection} version={version} />
        </>
      )}
      {!open.value && (
        <dl class="nbt-pairs">
          {Object.entries(version.metrics)
            .slice(0, 3)
            .map(([key, value]) => (
              <div key={key}>
                <dt title={key}>{key}</dt>
                <dd>{formatNumber(value)}</dd>
              </div>
            ))}
        </dl>
      )}
      {open.value && connection.live ? (
        <VersionLabels connection={connection} version={version} aliases={aliases} changed={changed} />
      ) : (
        tags.length > 0 && (
          <p class="nbt-version-tags nbt-muted" title={tags.map(([key, value]) => `${key}: ${value}`).join('\n')}>
            {tags
              .slice(0, 4)
              .map(([key, value]) => `${key}: ${value}`)
              .join(', ')}
          </p>
        )
      )}
      {version.description && <p class="nbt-version-description">{version.description}</p>}
      <div class="nbt-version-foot">
        <span class="nbt-muted" title={new Date(version.creation_time).toLocaleString()}>
          {version.user_id ? `${version.user_id}, ` : ''}
          {formatTime(version.creation_time)}
        </span>
        {connection.live && (
          <span class="nbt-buttons">
            {open.value && button('delete', 'Delete')}
            {button('move', 'Move')}
          </span>
        )}
      </div>
    </article>
  );
}

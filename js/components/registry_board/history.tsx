import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { EventRow } from '../../contract';
import { copyText } from '../../logic/clipboard';
import { toCsv } from '../../logic/copy_table';
import { formatTime, plural } from '../../logic/format';
import { saveFile } from '../../logic/save_file';
import { More } from '../more/more';
import { StageBadge } from '../stage/stage';

const SHOWN_EVENTS = 8;

interface Props {
  /** The name of the model. */
  name: string;
  /** The newest events, the newest first. */
  events: EventRow[];
  /** How many events there are, loaded or not. */
  count: number;
  /** Loads more events. Null if they cannot be loaded. */
  more: (() => Promise<void>) | null;
  /** Returns every event, for the exported table. */
  all: () => Promise<EventRow[]>;
}

/** The events of a model, the newest first. */
export function History({ name, events, count, more, all: allEvents }: Props) {
  const all = useSignal(false);
  const busy = useSignal(false);
  const shown = all.value ? events : events.slice(0, SHOWN_EVENTS);
  const last = useRef<HTMLLIElement>(null);
  const load = async () => {
    if (busy.peek()) {
      return;
    }
    busy.value = true;
    const before = last.current;
    await more?.();
    busy.value = false;
    // With the keyboard, the user goes on at the first new event, also if the button is gone by now.
    (before?.nextElementSibling as HTMLElement | null)?.focus();
  };
  return (
    <section class="nbt-history" aria-label="History">
      <div class="nbt-history-head">
        <h4>History</h4>
        {events.length > 0 && <Export name={name} all={allEvents} />}
      </div>
      {events.length === 0 && <p class="nbt-none">No events yet.</p>}
      <ol class="nbt-events">
        {shown.map((event, i) => (
          <li
            key={`${event.timestamp}-${i}`}
            ref={i === shown.length - 1 ? last : undefined}
            class="nbt-event"
            data-kind={event.kind}
            tabIndex={-1}
          >
            <time
              class="nbt-event-time"
              dateTime={isoTime(event.timestamp)}
              title={new Date(event.timestamp).toLocaleString()}
            >
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
          {all.value ? 'Show less' : `Show ${events.length < count ? 'the last' : 'all'} ${events.length}`}
        </button>
      )}
      {(all.value || events.length <= SHOWN_EVENTS) && (
        <More
          shown={events.length}
          count={count}
          noun="event"
          busy={busy.value}
          load={more ? () => void load() : null}
        />
      )}
    </section>
  );
}

/** Buttons that export all events as a table: who changed what, when and why. */
function Export({ name, all }: Pick<Props, 'name' | 'all'>) {
  const said = useSignal('');
  const take = async (use: (csv: string) => Promise<void> | void, what: string) => {
    try {
      const events = await all();
      await use(toCsv(auditTable(name, events)));
      said.value = `${what} ${plural(events.length, 'event')}.`;
    } catch (cause) {
      said.value = `Not exported: ${RequestError.of(cause).reply.message}`;
    }
  };
  return (
    <span class="nbt-copy">
      <button type="button" class="nbt-link" onClick={() => void take(copyText, 'Copied')}>
        Copy as CSV
      </button>{' '}
      or{' '}
      <button
        type="button"
        class="nbt-link"
        onClick={() => void take((csv) => saveFile(`${name}-history.csv`, csv, 'text/csv'), 'Downloaded')}
      >
        download
      </button>{' '}
      <span role="status">{said.value}</span>
    </span>
  );
}

/** The rows and columns of `nbtrack.registry_history`. */
function auditTable(name: string, events: EventRow[]): string[][] {
  const rows = events.map(({ timestamp, user_id, version, kind, old, new: value, reason }) => [
    isoTime(timestamp),
    user_id,
    name,
    String(version ?? ''),
    kind,
    old ?? '',
    value ?? '',
    reason ?? '',
  ]);
  return [['timestamp', 'user_id', 'model', 'version', 'kind', 'old', 'new', 'reason'], ...rows];
}

/** Return a time as in ISO 8601, or the number itself if there is no such time. A store may have any number. */
function isoTime(time: number): string {
  return new Date(time).toJSON() ?? String(time);
}

function EventText({ event: { kind, version, old, new: value } }: { event: EventRow }) {
  const which = version === null ? '' : ` version ${version}`;
  switch (kind) {
    case 'stage':
      return (
        <>
          Version {version}: <StageBadge stage={old ?? ''} />{' '}
          <span role="img" aria-label="to">
            →
          </span>{' '}
          <StageBadge stage={value ?? ''} />
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
          @{old} removed from version {version}
        </>
      );
    default:
      return (
        <>
          {kind[0]!.toUpperCase() + kind.slice(1).replaceAll('_', ' ')}
          {which && ` on${which}`} <span class="nbt-muted">{[old, value].filter(Boolean).join(' → ')}</span>
        </>
      );
  }
}

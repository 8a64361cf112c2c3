import { batch, computed, signal } from '@preact/signals';
import { type Connection, isAbort, RequestError } from '../connection/connection';
import {
  type ErrorReply,
  type EventRow,
  MOST_EVENTS,
  MOST_MODELS,
  MOST_VERSIONS,
  type ModelRow,
  type Stage,
  type VersionRow,
} from '../contract';

/** What the screen loads first, which the kernel sends along with the widget. */
const FIRST = { limit: 50, versions: 20, events: 20 };
/** How many versions, and how many events, are loaded when the user asks for more. */
const MORE = 50;

/** The models that have been loaded, each with the versions and events that have been loaded. */
export class Models {
  readonly rows = signal<ModelRow[] | null>(null);
  /** How many models the search finds. */
  readonly count = signal(0);
  /** The part of their names by which the models that are shown were found. */
  readonly search = signal('');
  /** The filter that the versions that are shown match. */
  readonly filter = signal('');
  /** Why the filter that the user has typed cannot be applied. */
  readonly filterError = signal<ErrorReply | null>(null);
  /** Whether there are more models than are shown at first. */
  readonly many = computed(
    () => this.search.value !== '' || this.count.value > Math.min(FIRST.limit, this.rows.value?.length ?? 0),
  );
  readonly error = signal<ErrorReply | null>(null);

  private controller = new AbortController();

  /** `name` is the one model to show; null for all. */
  constructor(
    private readonly connection: Connection,
    private readonly name: string | null,
  ) {
    const first = connection.first('registry')?.reply;
    if (first) {
      this.rows.value = first.models;
      this.count.value = first.count ?? first.models.length;
    }
  }

  /** Load as many models as are shown again. */
  load(): Promise<void> {
    return this.latest(async (signal) => {
      const wanted = Math.max(this.rows.peek()?.length ?? 0, FIRST.limit);
      let rows: ModelRow[] = [];
      let count = 0;
      let grows = true;
      // A saved notebook has one page, and models may be deleted between two pages.
      while (grows && rows.length < wanted) {
        const limit = Math.min(wanted - rows.length, MOST_MODELS);
        const request = { ...FIRST, ...this.wanted(), ...this.matching(), offset: rows.length, limit };
        const { reply } = await this.connection.request('registry', request, signal);
        const all = joined(rows, reply.models, (model) => model.name);
        count = reply.count ?? all.length;
        grows = all.length > rows.length && all.length < count;
        rows = all;
      }
      this.rows.value = rows;
      this.count.value = count;
    });
  }

  /** Show the models whose names contain a string. */
  find(search: string): Promise<void> {
    return this.latest(async (signal) => {
      const request = { ...FIRST, ...this.wanted(search), ...this.matching(), offset: 0 };
      const { reply } = await this.connection.request('registry', request, signal);
      batch(() => {
        this.search.value = search;
        this.rows.value = reply.models;
        this.count.value = reply.count ?? reply.models.length;
      });
    });
  }

  /** Show only the versions that match a filter. Those that are shown stay if it is not valid. */
  async match(filter: string): Promise<void> {
    const before = this.filter.peek();
    this.filter.value = filter;
    await this.load();
    const error = this.error.peek();
    batch(() => {
      this.filterError.value = error;
      if (error) {
        this.filter.value = before;
        this.error.value = null;
      }
    });
  }

  /** Load the next page of models. */
  more(): Promise<void> {
    return this.latest(async (signal) => {
      const rows = this.rows.peek() ?? [];
      const request = { ...FIRST, ...this.wanted(), ...this.matching(), offset: rows.length };
      const { reply } = await this.connection.request('registry', request, signal);
      this.rows.value = joined(this.rows.peek() ?? [], reply.models, (model) => model.name);
      this.count.value = reply.count ?? this.rows.value.length;
    });
  }

  /** Load one model again, with as many versions and events as are shown. */
  reload(model: ModelRow): Promise<void> {
    return this.guarded(async () => {
      const shown = Object.values(shownByStage(model.versions));
      const versions = Math.min(Math.max(FIRST.versions, ...shown), MOST_VERSIONS);
      const events = Math.min(Math.max(FIRST.events, model.events.length), MOST_EVENTS);
      const request = { name: model.name, ...this.matching(), offset: 0, limit: 1, versions, events };
      const { reply } = await this.connection.request('registry', request);
      this.replace(model.name, () => reply.models[0] ?? model);
    });
  }

  /** Load more versions of a stage. Returns the first new one. */
  async moreVersions(model: ModelRow, stage: Stage): Promise<VersionRow | undefined> {
    let first: VersionRow | undefined;
    await this.guarded(async () => {
      const offset = shownByStage(model.versions)[stage] ?? 0;
      const request = { name: model.name, stage, ...this.matching(), offset, limit: MORE };
      const { reply } = await this.connection.request('versions', request);
      first = reply.versions[0];
      this.replace(model.name, (row) => ({
        ...row,
        stages: { ...row.stages, [stage]: reply.count },
        versions: joined(row.versions, reply.versions, (version) => version.version),
      }));
    });
    return first;
  }

  /** Load more events. */
  moreEvents(model: ModelRow): Promise<void> {
    return this.guarded(async () => {
      const request = { name: model.name, offset: model.events.length, limit: MORE };
      const { reply } = await this.connection.request('events', request);
      // No two events of a model have the same timestamp.
      const events = (row: ModelRow): EventRow[] => joined(row.events, reply.events, (event) => JSON.stringify(event));
      this.replace(model.name, (row) => ({ ...row, events: events(row), event_count: reply.count }));
    });
  }

  private replace(name: string, change: (model: ModelRow) => ModelRow): void {
    this.rows.value = this.rows.peek()?.map((row) => (row.name === name ? change(row) : row)) ?? null;
  }

  /** The fields of a request that say which models are wanted. */
  private wanted(search = this.search.peek()): { name: string | null; search?: string } {
    return { name: this.name, ...(search && { search }) };
  }

  private matching(): { filter?: string } {
    const filter = this.filter.peek();
    return filter === '' ? {} : { filter };
  }

  /** Return every event of a model. A saved notebook has only some of them. */
  async allEvents({ name, events }: ModelRow): Promise<EventRow[]> {
    let all = this.connection.live ? [] : events;
    let count = this.connection.live ? 1 : 0;
    while (all.length < count) {
      const request = { name, offset: all.length, limit: MOST_EVENTS };
      const { reply } = await this.connection.request('events', request);
      all = joined(all, reply.events, (event) => JSON.stringify(event));
      count = reply.events.length === 0 ? 0 : reply.count;
    }
    return all;
  }

  /** End the request for models that is under way. */
  stop(): void {
    this.controller.abort();
    this.controller = new AbortController();
  }

  private latest(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.stop();
    return this.guarded(() => task(this.controller.signal));
  }

  private async guarded(task: () => Promise<void>): Promise<void> {
    try {
      await task();
      this.error.value = null;
    } catch (cause) {
      if (!isAbort(cause)) {
        this.error.value = RequestError.of(cause).reply;
      }
    }
  }
}

/** How many versions there are in each stage. A notebook saved by an earlier version lacks the counts, but no version. */
export function versionCounts(model: ModelRow): Record<string, number> {
  return model.stages ?? shownByStage(model.versions);
}

function shownByStage(versions: VersionRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { stage } of versions) {
    counts[stage] = (counts[stage] ?? 0) + 1;
  }
  return counts;
}

/** The rows, then those of the next page that are new: rows may have moved to it since the page before was read. */
function joined<T>(rows: T[], next: T[], key: (row: T) => string | number): T[] {
  const known = new Set(rows.map(key));
  return [...rows, ...next.filter((row) => !known.has(key(row)))];
}

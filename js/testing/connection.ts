import type { Answer, Connection, Payload, Reply, RequestName } from '../connection/connection';
import { RequestError } from '../connection/connection';
import type { GroupRow, GroupsReply, RunsReply, TableRow } from '../contract';

type Answers = { [N in RequestName]?: (payload: Payload<N>) => Reply<N> | Answer<N> | Promise<Reply<N>> };
interface Subscriber {
  name: RequestName;
  listener: (answer: never) => void;
  failed: (error: RequestError) => void;
}

/** A connection that a spec controls: it answers by functions, records requests, and pushes replies. */
export class FakeConnection implements Connection {
  live = true;
  readonly asked: { [N in RequestName]: { name: N; payload: Payload<N> } }[RequestName][] = [];
  private readonly watchers = new Set<() => Promise<void>>();
  private readonly subscribers = new Set<Subscriber>();

  constructor(public answers: Answers = {}) {}

  first(): undefined {
    return undefined;
  }

  async request<N extends RequestName>(name: N, payload: Payload<N>, signal?: AbortSignal): Promise<Answer<N>> {
    this.asked.push({ name, payload } as never);
    const answer = this.answers[name] as ((payload: Payload<N>) => Reply<N> | Answer<N>) | undefined;
    if (!answer) {
      throw new Error(`The spec does not answer ${name}.`);
    }
    const reply = await answer(payload);
    if (signal?.aborted) {
      throw new DOMException('Aborted', 'AbortError');
    }
    return 'buffers' in reply ? reply : { reply: reply as Reply<N>, buffers: [] };
  }

  subscribe<N extends RequestName>(
    name: N,
    listener: (answer: Answer<N>) => void,
    failed: (error: RequestError) => void,
  ): () => void {
    const subscriber: Subscriber = { name, listener: listener as (answer: never) => void, failed };
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  }

  watch(changed: () => Promise<void>): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  /** Say that the store has changed. */
  async change(): Promise<void> {
    await Promise.all([...this.watchers].map((changed) => changed()));
  }

  push<N extends RequestName>(name: N, answer: Answer<N>): void {
    for (const subscriber of this.subscribers) {
      if (subscriber.name === name) {
        subscriber.listener(answer as never);
      }
    }
  }

  /** Return the payloads of all requests with this name. */
  payloads<N extends RequestName>(name: N): Payload<N>[] {
    return this.asked.flatMap((request) => (request.name === name ? [request.payload as Payload<N>] : []));
  }
}

/** Return a page of the table. `fields` replaces the values that are derived from its rows. */
export function runsReply(rows: TableRow[], fields: Partial<RunsReply> = {}): RunsReply {
  const keys = (of: (row: TableRow) => object) => [...new Set(rows.flatMap((row) => Object.keys(of(row))))];
  return {
    rows,
    count: rows.length,
    total: rows.length,
    nested: 0,
    params: keys((row) => row.params).map((key) => ({ key, differs: true })),
    metrics: keys((row) => row.metrics),
    system: [],
    best: {},
    lower_is_better: [],
    ...fields,
  };
}

/** Return a page of groups. `fields` replaces the values that are derived from them. */
export function groupsReply(groups: GroupRow[], fields: Partial<GroupsReply> = {}): GroupsReply {
  const total = groups.reduce((sum, { runs }) => sum + runs, 0);
  return { groups, count: groups.length, total, best: {}, lower_is_better: [], ...fields };
}

/** Return an error reply of the kernel. */
export function refusal(error_code: string, message: string, position: number | null = null): RequestError {
  return new RequestError({ error_code, message, reason: null, position, expected: [] });
}

import type { Answer, Connection, Payload, RequestError, RequestName } from '../connection/connection';

/** The requests whose answers depend on nothing but the request and the store. */
const CACHED: ReadonlySet<RequestName> = new Set(['diff', 'runs', 'columns', 'groups', 'group_columns']);
const PAGED: ReadonlySet<RequestName> = new Set(['runs', 'groups']);
const MOST_ANSWERS = 32;

/** Return whether an answer is kept. Pages of rows after the first are not, because the table keeps them itself. */
function isKept<N extends RequestName>(name: N, payload: Payload<N>): boolean {
  return CACHED.has(name) && !(PAGED.has(name) && (payload as Payload<'runs' | 'groups'>).offset > 0);
}

/**
 * A connection that remembers the answers to its last requests until the store changes. The same request is not sent while
 * its answer is there or on its way.
 */
export class CachedConnection implements Connection {
  private readonly answers = new Map<string, Answer<RequestName>>();
  private readonly waiting = new Map<string, Waiting>();
  private generation = 0;

  constructor(private readonly connection: Connection) {}

  get live(): boolean {
    return this.connection.live;
  }

  first<N extends RequestName>(name: N) {
    return this.connection.first(name);
  }

  subscribe<N extends RequestName>(
    name: N,
    listener: (answer: Answer<N>) => void,
    failed: (error: RequestError) => void,
  ): () => void {
    return this.connection.subscribe(name, listener, failed);
  }

  watch(changed: () => Promise<void>): () => void {
    return this.connection.watch(changed);
  }

  /** Forget all answers, because the store has changed. */
  forget(): void {
    this.generation += 1;
    this.answers.clear();
    this.waiting.clear();
  }

  request<N extends RequestName>(name: N, payload: Payload<N>, signal?: AbortSignal): Promise<Answer<N>> {
    if (!isKept(name, payload)) {
      return this.connection.request(name, payload, signal);
    }
    if (signal?.aborted) {
      return Promise.reject(new DOMException('Aborted', 'AbortError'));
    }
    const id = JSON.stringify([name, payload]);
    const known = this.answers.get(id);
    if (known) {
      // The answers that were used last are kept the longest.
      this.answers.delete(id);
      this.answers.set(id, known);
      return Promise.resolve(known as Answer<N>);
    }
    let shared = this.waiting.get(id);
    if (!shared) {
      shared = this.send(id, name, payload);
      this.waiting.set(id, shared);
    }
    return shared.join(signal) as Promise<Answer<N>>;
  }

  private send<N extends RequestName>(id: string, name: N, payload: Payload<N>): Waiting {
    const controller = new AbortController();
    const { generation } = this;
    const answer = this.connection.request(name, payload, controller.signal);
    const waiting = new Waiting(answer as Promise<Answer<RequestName>>, () => {
      controller.abort();
      this.drop(id, waiting);
    });
    answer.then(
      (got) => {
        this.drop(id, waiting);
        if (generation === this.generation) {
          this.answers.set(id, got as Answer<RequestName>);
          for (const oldest of this.answers.keys()) {
            if (this.answers.size <= MOST_ANSWERS) {
              break;
            }
            this.answers.delete(oldest);
          }
        }
      },
      () => this.drop(id, waiting),
    );
    return waiting;
  }

  private drop(id: string, waiting: Waiting): void {
    if (this.waiting.get(id) === waiting) {
      this.waiting.delete(id);
    }
  }
}

/** An answer that several callers wait for. It is cancelled once none of them does. */
class Waiting {
  private callers = 0;

  constructor(
    private readonly answer: Promise<Answer<RequestName>>,
    private readonly cancel: () => void,
  ) {}

  join(signal?: AbortSignal): Promise<Answer<RequestName>> {
    this.callers += 1;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.callers -= 1;
        if (this.callers === 0) {
          this.cancel();
        }
        reject(new DOMException('Aborted', 'AbortError'));
      };
      signal?.addEventListener('abort', abort, { once: true });
      const settle = () => signal?.removeEventListener('abort', abort);
      this.answer.then(
        (got) => {
          settle();
          resolve(got);
        },
        (cause) => {
          settle();
          reject(cause);
        },
      );
    });
  }
}

import type { ErrorReply, Requests } from '../contract';

export type RequestName = keyof Requests;
export type Payload<N extends RequestName> = Requests[N]['payload'];
export type Reply<N extends RequestName> = Requests[N]['reply'];

/** A reply, and its float64 arrays in the order in which the reply names them. */
export interface Answer<N extends RequestName> {
  reply: Reply<N>;
  buffers: Float64Array[];
}

/** Answers the requests of a screen, from a kernel or from the data that was saved with a notebook. */
export interface Connection {
  /** False if only saved data can be shown. Nothing can be changed or queried then. */
  readonly live: boolean;
  /** Return the answer in the screen's snapshot, so that it is painted without a round trip. */
  first<N extends RequestName>(name: N): (Answer<N> & { payload: Payload<N> }) | undefined;
  /** Send a request. Rejects with a `RequestError` (after a time limit if there is no answer), or an AbortError. */
  request<N extends RequestName>(name: N, payload: Payload<N>, signal?: AbortSignal): Promise<Answer<N>>;
  /** Call `listener` for each reply that the kernel pushes. Returns a function that ends the subscription. */
  subscribe<N extends RequestName>(
    name: N,
    listener: (answer: Answer<N>) => void,
    failed: (error: RequestError) => void,
  ): () => void;
  /**
   * Call `changed` when the store may have changed, while the page is visible. The next call waits until the promise of the
   * last one has settled. Returns a function that ends this.
   */
  watch(changed: () => Promise<void>): () => void;
}

/** Why a request failed, as screens show it. */
export class RequestError extends Error {
  constructor(readonly reply: ErrorReply) {
    super(reply.message);
  }

  static of(cause: unknown): RequestError {
    if (cause instanceof RequestError) {
      return cause;
    }
    return failure('INTERNAL_ERROR', cause instanceof Error ? cause.message : String(cause));
  }
}

export function failure(error_code: string, message: string): RequestError {
  return new RequestError({ error_code, message, reason: null, position: null, expected: [] });
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

/** Send a request and hand over its answer, or why there is none. Returns a function that ends the request. */
export function ask<N extends RequestName>(
  connection: Connection,
  name: N,
  payload: Payload<N>,
  take: (answer: Answer<N>) => void,
  fail: (error: ErrorReply) => void,
): () => void {
  const controller = new AbortController();
  connection.request(name, payload, controller.signal).then(take, (cause) => {
    if (!isAbort(cause)) {
      fail(RequestError.of(cause).reply);
    }
  });
  return () => controller.abort();
}

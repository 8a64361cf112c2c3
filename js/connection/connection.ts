import type { ErrorReply, Requests } from '../contract';

export type RequestName = keyof Requests;
export type Payload<N extends RequestName> = Requests[N]['payload'];
export type Reply<N extends RequestName> = Requests[N]['reply'];

/** A reply with the float64 arrays that travel beside it, in the order that the reply names them. */
export interface Answer<N extends RequestName> {
  reply: Reply<N>;
  buffers: Float64Array[];
}

/** What a screen asks, whoever answers: a kernel, or the data saved in a notebook. */
export interface Connection {
  /** False where nothing answers but saved data: no edits, no new queries. */
  readonly live: boolean;
  /** The answer that came along with the screen, for a first paint without a round trip. */
  first<N extends RequestName>(name: N): (Answer<N> & { payload: Payload<N> }) | undefined;
  /** Rejects with a `RequestError`, at the latest after the connection's time limit; an aborted request never settles the screen. */
  request<N extends RequestName>(name: N, payload: Payload<N>, signal?: AbortSignal): Promise<Answer<N>>;
  /** Calls `listener` for every reply that arrives without having been asked for. Returns how to stop. */
  subscribe<N extends RequestName>(
    name: N,
    listener: (answer: Answer<N>) => void,
    failed: (error: RequestError) => void,
  ): () => void;
}

/** Why a request has no answer, in the form that screens show. */
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

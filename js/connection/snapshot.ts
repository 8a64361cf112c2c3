import type { Answer, Payload, Reply, RequestName } from './connection';

/** An answer in the state of a widget (with binary buffers) or in a notebook (with numbers, and null for NaN). */
export interface SnapshotAnswer<N extends RequestName = RequestName> {
  payload: Payload<N>;
  reply: Reply<N>;
  buffers: (ArrayBufferView | ArrayBuffer | (number | null)[])[];
}

/** What a screen shows before it has sent a request. */
export interface Snapshot {
  /** The name of the screen in js/screens/index.ts. */
  view: string;
  options: Record<string, unknown>;
  answers: { [N in RequestName]?: SnapshotAnswer<N> };
}

export function answerOf<N extends RequestName>(
  snapshot: Snapshot,
  name: N,
): (Answer<N> & { payload: Payload<N> }) | undefined {
  const saved = snapshot.answers?.[name] as SnapshotAnswer<N> | undefined;
  return saved && { payload: saved.payload, reply: saved.reply, buffers: saved.buffers.map(toFloats) };
}

/** Return the numbers as float64. A comm's views may start at any byte of their buffer, so some must be copied. */
export function toFloats(data: ArrayBufferView | ArrayBuffer | (number | null)[]): Float64Array {
  if (Array.isArray(data)) {
    return Float64Array.from(data, (value) => value ?? NaN);
  }
  const [buffer, offset, length] = ArrayBuffer.isView(data)
    ? [data.buffer, data.byteOffset, data.byteLength]
    : [data, 0, data.byteLength];
  if (offset % 8 === 0) {
    return new Float64Array(buffer, offset, length >> 3);
  }
  return new Float64Array(buffer.slice(offset, offset + length));
}

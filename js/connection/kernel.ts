import type { AnyModel } from '@anywidget/types';
import { effect, signal } from '@preact/signals';
import type { ErrorReply, ViewState } from '../contract';
import { type Answer, type Connection, failure, type Payload, RequestError, type RequestName } from './connection';
import { answerOf, type Snapshot, toFloats } from './snapshot';
import { Watch } from './watch';

/** The traits of nbtrack's widgets that the browser knows. */
export interface WidgetState {
  _snapshot: Snapshot;
  _view: ViewState;
}

type Message =
  | { kind: 'nbtrack:reply'; id: string; reply?: unknown; error?: ErrorReply }
  | { kind: 'nbtrack:push'; name: string; reply?: unknown; error?: ErrorReply }
  | { kind: 'nbtrack:here' }
  | { kind: 'nbtrack:changed' };

/** The event that a host sends to the element of a view when it knows that the view's kernel is gone. It bubbles. */
export const KERNEL_LOST = 'nbtrack:kernel-lost';

export const TIME_LIMIT_MS = 60_000;
const RETRY_AFTER_MS = 500;
const RECONNECT_MS = 3_000;
const SEND_RETRIES = 10;

/** Sends requests as custom messages of a widget. Each view has its own connection. */
export class KernelConnection implements Connection {
  readonly live = true;
  /** Whether the kernel that has the widget is gone. The host of the view sets it. */
  readonly lost = signal(false);
  private readonly waiting = new Map<
    string,
    (message: Message & { kind: 'nbtrack:reply' }, buffers: DataView[]) => void
  >();
  private readonly pending = new Set<() => void>();
  private heard: (() => void) | undefined;
  private readonly listeners = new Set<(message: Message & { kind: 'nbtrack:push' }, buffers: DataView[]) => void>();
  private readonly watches = new Set<Watch>();
  private readonly prefix = Math.random().toString(36).slice(2);
  private count = 0;

  constructor(
    private readonly model: AnyModel<WidgetState>,
    signal: AbortSignal,
    private readonly timeLimit = TIME_LIMIT_MS,
    private readonly retryAfter = RETRY_AFTER_MS,
  ) {
    model.on('msg:custom', this.receive);
    const stop = effect(() => {
      if (this.lost.value) {
        for (const fail of [...this.pending]) {
          fail();
        }
      }
    });
    signal.addEventListener('abort', () => {
      model.off('msg:custom', this.receive);
      stop();
    });
    // It tells the kernel that a page shows this widget, so that it need not send code without a request.
    this.send({ kind: 'nbtrack:hello' }, () => undefined);
  }

  first<N extends RequestName>(name: N) {
    return answerOf(this.model.get('_snapshot'), name);
  }

  request<N extends RequestName>(name: N, payload: Payload<N>, signal?: AbortSignal): Promise<Answer<N>> {
    const id = `${this.prefix}-${++this.count}`;
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        this.pending.delete(fail);
        signal?.removeEventListener('abort', abort);
        action();
      };
      const fail = () =>
        settle(() =>
          reject(failure('TEMPORARILY_UNAVAILABLE', 'The kernel has stopped or was restarted. Run the cell again.')),
        );
      const abort = () =>
        settle(() => {
          // The kernel need not begin with a request that nobody waits for.
          this.send({ kind: 'nbtrack:cancel', id }, () => undefined);
          reject(new DOMException('Aborted', 'AbortError'));
        });
      const timer = setTimeout(() => {
        const seconds = Math.round(this.timeLimit / 1000);
        const message = `The kernel did not answer within ${seconds} s. It may be busy or stopped. Try again when the cell has finished, or run the cell again.`;
        settle(() => reject(failure('TEMPORARILY_UNAVAILABLE', message)));
      }, this.timeLimit);
      if (signal?.aborted) {
        return settle(() => reject(new DOMException('Aborted', 'AbortError')));
      }
      if (this.lost.peek()) {
        return fail();
      }
      this.pending.add(fail);
      signal?.addEventListener('abort', abort);
      this.waiting.set(id, (message, buffers) =>
        settle(() =>
          message.error
            ? reject(new RequestError(message.error))
            : resolve({ reply: message.reply, buffers: buffers.map(toFloats) } as Answer<N>),
        ),
      );
      this.send({ kind: 'nbtrack:request', id, name, payload }, (cause) => {
        const message = `The kernel cannot be reached (${cause}). Run the cell again.`;
        settle(() => reject(failure('TEMPORARILY_UNAVAILABLE', message)));
      });
    });
  }

  subscribe<N extends RequestName>(
    name: N,
    listener: (answer: Answer<N>) => void,
    failed: (error: RequestError) => void,
  ): () => void {
    const receive = (message: Message & { kind: 'nbtrack:push' }, buffers: DataView[]) => {
      if (message.name !== name) {
        return;
      }
      if (message.error) {
        failed(new RequestError(message.error));
      } else {
        listener({ reply: message.reply, buffers: buffers.map(toFloats) } as Answer<N>);
      }
    };
    this.listeners.add(receive);
    return () => this.listeners.delete(receive);
  }

  /** Ask the kernel whether it still has the widget. Resolves to false if it does not answer within three seconds. */
  reconnect(limit = RECONNECT_MS): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limit);
      this.heard = () => {
        clearTimeout(timer);
        this.lost.value = false;
        resolve(true);
      };
      this.send({ kind: 'nbtrack:hello', answer: true }, () => undefined);
    });
  }

  watch(changed: () => Promise<void>): () => void {
    const watch = new Watch((seconds) => this.send({ kind: 'nbtrack:watch', seconds }, () => undefined), changed);
    this.watches.add(watch);
    return () => {
      this.watches.delete(watch);
      watch.stop();
    };
  }

  /** Send a message, with retries: after a page is loaded, JupyterLab takes a moment to connect to the kernel. */
  private send(message: object, failed: (cause: unknown) => void, retries = SEND_RETRIES): void {
    try {
      this.model.send(message);
    } catch (cause) {
      if (retries === 0) {
        failed(cause);
      } else {
        setTimeout(() => this.send(message, failed, retries - 1), this.retryAfter);
      }
    }
  }

  private readonly receive = (message: Message, buffers: DataView[] = []): void => {
    if (message?.kind === 'nbtrack:reply') {
      this.waiting.get(message.id)?.(message, buffers);
    } else if (message?.kind === 'nbtrack:here') {
      this.heard?.();
    } else if (message?.kind === 'nbtrack:push') {
      for (const listener of this.listeners) {
        listener(message, buffers);
      }
    } else if (message?.kind === 'nbtrack:changed') {
      for (const watch of this.watches) {
        watch.changed();
      }
    }
  };
}

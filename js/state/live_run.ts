import { batch, type Signal, signal } from '@preact/signals';
import { type Answer, type Connection, isAbort, RequestError } from '../connection/connection';
import type { ErrorReply, LiveReply, Panel, RunRow } from '../contract';
import { LiveCurves } from '../data/live_curves';
import type { PanelData } from '../data/panel_data';
import { same } from './view';

export const MAX_POINTS = 1000;
/** How many metrics are shown at a time. The kernel pushes the first of them. */
export const METRICS = 500;

/** How many items of each list come before those that are shown. */
export type Offsets = Record<'metric' | 'param' | 'dataset' | 'change', Signal<number>>;

/**
 * What is known of a run. The kernel pushes the first page of each list whenever it changes, so the screen does not poll.
 * It sends a request at first, for another page, and if a push was lost.
 */
export class LiveRunState {
  readonly reply = signal<LiveReply | null>(null);
  readonly data = signal<PanelData>({ curves: new Map(), values: {}, best: null, marks: new Map() });
  readonly error = signal<ErrorReply | null>(null);
  readonly offsets: Offsets = { metric: signal(0), param: signal(0), dataset: signal(0), change: signal(0) };
  private readonly curves = new LiveCurves();
  private waiting: AbortController | null = null;
  /** Whether a push has been shown since the request was sent. Its answer may lack what the push has. */
  private isFollowing = false;
  /** Whether there was a push while another page than the first one was requested. */
  private isOutdated = false;

  constructor(
    private readonly connection: Connection,
    private readonly run_id: string,
  ) {
    const first = connection.first('live');
    if (first) {
      this.show(first);
    }
  }

  /** Request the run and follow what the kernel pushes. Returns a function that ends this. */
  start(): () => void {
    const stop = this.connection.subscribe(
      'live',
      (push) => this.receive(push),
      (failure) => {
        this.error.value = failure.reply;
      },
    );
    this.request();
    return () => {
      stop();
      this.waiting?.abort();
    };
  }

  /** Show another part of a list. */
  turn(list: keyof Offsets, offset: number): void {
    this.offsets[list].value = offset;
    this.request();
  }

  /** Request all of the run anew. */
  request(): void {
    this.waiting?.abort();
    const controller = new AbortController();
    this.waiting = controller;
    this.isFollowing = false;
    this.isOutdated = false;
    const { metric, param, dataset, change } = this.offsets;
    const payload = {
      run_id: this.run_id,
      max_points: MAX_POINTS,
      offset: metric.peek(),
      limit: METRICS,
      param_offset: param.peek(),
      dataset_offset: dataset.peek(),
      change_offset: change.peek(),
    };
    this.connection.request('live', payload, controller.signal).then(
      (answer) => {
        this.waiting = null;
        if (!this.isFollowing) {
          this.show(answer);
        }
        this.error.value = null;
        if (this.isOutdated) {
          this.request();
        }
      },
      (cause) => {
        if (!isAbort(cause)) {
          this.waiting = null;
          this.error.value = RequestError.of(cause).reply;
        }
      },
    );
  }

  /**
   * Change what is shown of a run at once, before the kernel pushes it. All else stays as it is by now: meanwhile, the run
   * may have ended, or another one may be shown.
   */
  change(run_id: string, fields: Partial<LiveReply>, run: Partial<RunRow> = {}): void {
    const last = this.reply.peek();
    if (last?.run.run_id === run_id) {
      this.reply.value = { ...last, ...fields, run: { ...last.run, ...run } };
    }
  }

  private isFirst(): boolean {
    return Object.values(this.offsets).every((offset) => offset.peek() === 0);
  }

  private receive(push: Answer<'live'>): void {
    this.error.value = null;
    if (this.isFirst()) {
      this.isFollowing = this.show(push);
      if (this.isFollowing) {
        return;
      }
    } else {
      this.isOutdated = true;
    }
    // Until a busy kernel answers, there may be many pushes.
    if (!this.waiting) {
      this.request();
    }
  }

  /** Show an answer. Returns false, and shows nothing, if its curves continue points that are not here. */
  private show({ reply, buffers }: Answer<'live'>): boolean {
    if (!this.curves.take({ reply, buffers })) {
      return false;
    }
    const { best, alerts = [] } = reply;
    const marks = new Map<string, number[]>();
    for (const { key, step } of alerts) {
      marks.set(key, [...(marks.get(key) ?? []), step]);
    }
    batch(() => {
      const last = this.reply.peek();
      this.reply.value = {
        ...reply,
        panels: stable(reply.panels, last?.panels),
        system: stable(reply.system, last?.system),
      };
      this.data.value = {
        curves: this.curves.own,
        values: reply.run.metrics,
        best: best ? { name: best.run_name, curves: this.curves.best } : null,
        marks,
      };
    });
    return true;
  }
}

/** Return panels as the same objects as before, if they have not changed. */
function stable(panels: Panel[], before: Panel[] = []): Panel[] {
  const known = new Map(before.map((panel) => [panel.title, panel]));
  return panels.map((panel) => {
    const old = known.get(panel.title);
    return old && same(old, panel) ? old : panel;
  });
}

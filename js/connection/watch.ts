/** How long the kernel watches the store without being asked again. */
const LEASE_SECONDS = 60;
const RENEW_MS = 25_000;
/** The time between two changes that a screen is told of. */
const PAUSE_MS = 2_000;
/** How many times as long as its answer took a screen waits before it asks again. */
const SHARE = 10;

/**
 * Asks the kernel to say when the store changes, as long as the page is visible. A page that is closed or hidden asks no more,
 * and then the kernel stops. A screen whose answers take long is told of changes less often.
 */
export class Watch {
  private waiting = false;
  private missed = false;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly ended = new AbortController();

  /** `ask` asks the kernel to watch for some seconds from now. */
  constructor(
    private readonly ask: (seconds: number) => void,
    private readonly refresh: () => Promise<void>,
  ) {
    const renew = () => document.visibilityState === 'visible' && this.ask(LEASE_SECONDS);
    this.timer = setInterval(renew, RENEW_MS);
    document.addEventListener(
      'visibilitychange',
      () => {
        this.ask(document.visibilityState === 'visible' ? LEASE_SECONDS : 0);
        // What has changed meanwhile was not reported.
        this.changed();
      },
      { signal: this.ended.signal },
    );
    renew();
  }

  /** The kernel says that the store has changed. */
  changed(): void {
    if (document.visibilityState !== 'visible') {
      return;
    }
    if (this.waiting) {
      this.missed = true;
      return;
    }
    this.waiting = true;
    this.missed = false;
    const began = Date.now();
    const next = () => {
      if (this.ended.signal.aborted) {
        return;
      }
      setTimeout(
        () => {
          this.waiting = false;
          if (this.missed && !this.ended.signal.aborted) {
            this.changed();
          }
        },
        Math.max(PAUSE_MS, SHARE * (Date.now() - began)),
      );
    };
    this.refresh().then(next, next);
  }

  stop(): void {
    clearInterval(this.timer);
    this.ended.abort();
    this.ask(0);
  }
}

import { afterEach, before } from 'node:test';
import { GlobalRegistrator } from '@happy-dom/global-registrator';

// This module must be imported first, because the testing library looks for a document when it is loaded.
GlobalRegistrator.register({ url: 'http://localhost/', width: 1200, height: 800 });

// happy-dom cannot draw. For uPlot, a context is enough that accepts every call and returns itself.
const context: unknown = new Proxy(() => context, {
  get: (_, name) => (name === 'width' ? 0 : name === Symbol.toPrimitive ? () => 0 : context),
  set: () => true,
});
HTMLCanvasElement.prototype.getContext = (() => context) as never;
Object.assign(globalThis, { Path2D: class {} });
Object.assign(Path2D.prototype, { rect() {}, moveTo() {}, lineTo() {}, closePath() {}, arc() {} });

/** An observer for which every element is in sight until a spec says otherwise with `look`. */
class Sight {
  static readonly all = new Set<Sight>();
  private readonly elements = new Set<Element>();

  constructor(private readonly seen: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    Sight.all.add(this);
  }

  observe(element: Element): void {
    this.elements.add(element);
    queueMicrotask(() => this.look(() => true));
  }

  disconnect(): void {
    Sight.all.delete(this);
  }

  look(isInSight: (element: Element) => boolean): void {
    if (Sight.all.has(this)) {
      this.seen([...this.elements].map((target) => ({ target, isIntersecting: isInSight(target) })));
    }
  }
}
Object.assign(globalThis, { IntersectionObserver: Sight });

before(async () => {
  const { configure } = await import('@testing-library/preact');
  // A machine that does other work at the same time may need more than a second to draw.
  configure({ asyncUtilTimeout: 10_000 });
});

afterEach(async () => {
  const { cleanup } = await import('@testing-library/preact');
  cleanup();
});

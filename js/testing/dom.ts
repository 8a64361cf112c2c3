import { afterEach } from 'node:test';
import { GlobalRegistrator } from '@happy-dom/global-registrator';

// This module must be imported first, because the testing library looks for a document when it is loaded.
GlobalRegistrator.register({ url: 'http://localhost/', width: 1200, height: 800 });

// happy-dom cannot draw. For uPlot, a context is enough that accepts every call and returns itself.
const context: unknown = new Proxy(() => context, {
  get: (_, name) => (name === 'width' ? 0 : context),
  set: () => true,
});
HTMLCanvasElement.prototype.getContext = (() => context) as never;
Object.assign(globalThis, { Path2D: class {} });
Object.assign(Path2D.prototype, { rect() {}, moveTo() {}, lineTo() {}, closePath() {}, arc() {} });

afterEach(async () => {
  const { cleanup } = await import('@testing-library/preact');
  cleanup();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveReply } from '../contract';
import { LiveCurves } from './live_curves';

interface Sent {
  key: string;
  x: number[];
  y: number[];
  kept?: number;
}

function answer(series: Sent[], fields: Partial<LiveReply> = {}, best: Sent[] = []) {
  const of = (run_id: string, all: Sent[]) =>
    all.map(({ key, x, kept }) => ({
      run_id,
      key,
      points: x.length,
      total: (kept ?? 0) + x.length,
      ...(kept !== undefined && { kept }),
    }));
  const reply = { series: of('r', series), best_series: of('b', best), ...fields } as LiveReply;
  return { reply, buffers: [...series, ...best].flatMap(({ x, y }) => [Float64Array.from(x), Float64Array.from(y)]) };
}

const points = (curves: LiveCurves, key = 'loss') => {
  const curve = curves.own.get(key);
  return curve && [...curve.x].map((x, i) => [x, curve.y[i]]);
};

test('a push continues the one before it', () => {
  const curves = new LiveCurves();
  assert.ok(curves.take(answer([{ key: 'loss', x: [0, 1, 2], y: [3, 2, 1] }], { push: 1, after: null })));
  // The points after those that stay are replaced, because a curve may be thinned out anew at its end.
  assert.ok(curves.take(answer([{ key: 'loss', x: [4, 5], y: [8, 9], kept: 2 }], { push: 2, after: 1 })));
  assert.deepEqual(points(curves), [
    [0, 3],
    [1, 2],
    [4, 8],
    [5, 9],
  ]);
});

test('a curve that has not changed stays the same object', () => {
  const curves = new LiveCurves();
  const best = [{ key: 'loss', x: [0], y: [9] }];
  curves.take(answer([{ key: 'loss', x: [0, 1], y: [3, 2] }], { push: 1 }, best));
  const [own, other] = [curves.own.get('loss'), curves.best.get('loss')];
  const more = [{ key: 'acc', x: [0], y: [1] }];
  const same = { key: 'loss', x: [], y: [] };
  assert.ok(curves.take(answer([{ ...same, kept: 2 }, ...more], { push: 2, after: 1 }, [{ ...same, kept: 1 }])));
  assert.equal(curves.own.get('loss'), own);
  assert.equal(curves.best.get('loss'), other);
  assert.deepEqual(points(curves, 'acc'), [[0, 1]]);
});

test('a push that continues one that was lost is refused, and one with all points is taken', () => {
  const curves = new LiveCurves();
  const more = [{ key: 'loss', x: [2], y: [1], kept: 2 }];
  assert.ok(!curves.take(answer(more, { push: 2, after: 1 })));
  curves.take(answer([{ key: 'loss', x: [0, 1], y: [3, 2] }], { push: 1 }));
  assert.ok(!curves.take(answer(more, { push: 3, after: 2 })));
  assert.ok(!curves.take(answer([{ ...more[0]!, kept: 3 }], { push: 2, after: 1 })));
  assert.deepEqual(points(curves), [
    [0, 3],
    [1, 2],
  ]);
  assert.ok(curves.take(answer([{ key: 'loss', x: [7], y: [7] }], { push: 9, after: null })));
  assert.deepEqual(points(curves), [[7, 7]]);
  // No push continues the answer to a request.
  assert.ok(curves.take(answer([{ key: 'loss', x: [8], y: [8] }])));
  assert.ok(!curves.take(answer(more, { push: 10, after: 9 })));
});

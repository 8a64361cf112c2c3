import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableRow } from '../contract';
import { nestedCount, treeRows } from './tree';

/** Runs in the order that was asked for, each with its parent. */
const runs = (parents: Record<string, string | null>): TableRow[] =>
  Object.entries(parents).map(
    ([run_id, parent_run_id], i) =>
      ({
        run_id,
        run_name: run_id,
        parent_run_id,
        metrics: { m: i },
        params: {},
        depth: 0,
        children: 1,
      }) as unknown as TableRow,
  );
const lines = (rows: TableRow[]) => rows.map((row) => '.'.repeat(row.depth) + row.run_id);
const all = (rows: TableRow[]) => new Set(rows.map((row) => row.run_id));

test('a family is placed where its first member is', () => {
  const rows = runs({ b2: 'b', alone: null, a1: 'a', a: null, b1: 'b', b: null, b21: 'b2' });
  assert.deepEqual(lines(treeRows(rows, all(rows))), ['b', '.b2', '..b21', '.b1', 'alone', 'a', '.a1']);
  assert.deepEqual(lines(treeRows(rows, new Set(['b']))), ['b', '.b2', '.b1', 'alone', 'a']);
  assert.deepEqual(lines(treeRows(rows, new Set(['b2']))), ['b', 'alone', 'a']);
  assert.equal(nestedCount(rows), 4);
});

test('no run is lost: one without its parent, or in a cycle, is placed at the top', () => {
  const rows = runs({ orphan: 'elsewhere', x: 'y', y: 'x', self: 'self' });
  assert.deepEqual(lines(treeRows(rows, new Set())), ['orphan', 'x', 'y', 'self']);
});

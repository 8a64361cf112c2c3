import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGroups, placeOf, rowOfGroup } from './group_layout';

const groups = Array.from({ length: 10 }, (_, i) => ({ key: `g${i}`, runs: i }));
const pages = new Map([
  [1, groups.slice(4, 8)],
  [0, groups.slice(0, 4)],
]);

test('the runs that were read of a group say better than the group how many there are', () => {
  const open = openGroups(pages, 4, new Set(['g1', 'g2']), new Map([['g1', 0]]));
  assert.deepEqual(
    [2, 3].map((row) => placeOf(open, row)),
    [
      { group: 2, run: null },
      { group: 2, run: 0 },
    ],
  );
});

test('each row is that of a group or of a run below its group, whatever is unfolded', () => {
  for (const unfolded of [[], ['g3'], ['g0', 'g1', 'g7'], groups.map(({ key }) => key)]) {
    const open = openGroups(pages, 4, new Set(unfolded));
    const expected = groups.flatMap(({ key, runs }, group) => [
      { group, run: null as number | null },
      // The last two groups are on a page that has not been read.
      ...(group < 8 && unfolded.includes(key) ? Array.from({ length: runs }, (_, run) => ({ group, run })) : []),
    ]);
    assert.deepEqual(
      expected.map((_, row) => placeOf(open, row)),
      expected,
    );
    for (const [row, { group, run }] of expected.entries()) {
      assert.ok(run !== null || rowOfGroup(open, group) === row);
    }
  }
});

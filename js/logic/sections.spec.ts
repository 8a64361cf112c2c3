import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matching, openAtFirst, sectionsOf } from './sections';

const panels = (...titles: string[]) => titles.map((title) => ({ title, keys: [`train/${title}`, `val/${title}`] }));
const titles = (sections: ReturnType<typeof sectionsOf>) =>
  sections.map(({ name, panels }) => [name, panels.map(({ title }) => title)]);

test('panels with the same prefix are in a section, in the order of the metrics', () => {
  const found = sectionsOf(panels('loss', 'layer/2', 'gradient/1', 'layer/1', 'other/x', 'gradient/2', '/odd'));
  assert.deepEqual(titles(found), [
    ['Metrics', ['loss', 'other/x', '/odd']],
    ['layer', ['layer/2', 'layer/1']],
    ['gradient', ['gradient/1', 'gradient/2']],
  ]);
  assert.deepEqual(sectionsOf([]), []);
});

test('panels are found by a part of their title or of a metric, in any case', () => {
  const all = panels('Loss', 'accuracy');
  assert.deepEqual(matching(all, ' LOSS '), [all[0]]);
  assert.deepEqual(matching(all, 'VAL/acc'), [all[1]]);
  assert.equal(matching(all, ' '), all);
  assert.deepEqual(matching(all, '.*'), []);
});

test('sections are open at first as long as they have few panels together', () => {
  const section = (name: string, count: number) => ({ name, panels: panels(...Array(count).fill('x')) });
  assert.deepEqual([...openAtFirst([section('a', 4), section('b', 8), section('c', 2)])], ['a', 'b']);
  assert.deepEqual([...openAtFirst([section('a', 120), section('b', 1)])], ['a']);
});

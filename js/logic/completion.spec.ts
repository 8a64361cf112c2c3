import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Completion } from '../contract';
import { insert, isHelpful, replaceKey, toCharacters, toUnits } from './completion';

const completion = (text: string, start: number, end: number, kind: Completion['kind'] = 'name'): Completion => ({
  text,
  kind,
  start,
  end,
  detail: '',
});

test('positions are counted in characters there and in UTF-16 units here', () => {
  const text = "run_name = '👾👾' and met";
  assert.equal(toCharacters(text, text.length), text.length - 2);
  assert.equal(toUnits(text, text.length - 2), text.length);
  assert.equal(toUnits('ab', 5), 2);
  const found = insert(text, completion('metrics.', text.length - 5, text.length - 2));
  assert.equal(found.text, "run_name = '👾👾' and metrics.");
  assert.equal(found.cursor, found.text.length);
});

test('a space is added only if another word may follow the completion', () => {
  const at = (text: string, each: Completion) => {
    const found = insert(text, each);
    return `${found.text.slice(0, found.cursor)}|${found.text.slice(found.cursor)}`;
  };
  assert.equal(at('lo', completion('metrics.loss', 0, 2)), 'metrics.loss |');
  assert.equal(at('met', completion('metrics.', 0, 3)), 'metrics.|');
  assert.equal(at('mi', completion('min(', 0, 2, 'function')), 'min(|');
  assert.equal(at('min(lo)', completion('metrics.loss', 4, 6)), 'min(metrics.loss|)');
  assert.equal(at('lo < 3', completion('metrics.loss', 0, 2)), 'metrics.loss |< 3');
  assert.equal(at("p in ('a", completion("'adam'", 6, 8, 'value')), "p in ('adam'|");
  assert.equal(at("p = 'a", completion("'adam'", 4, 6, 'value')), "p = 'adam' |");
});

test('the list opens while typing only if it helps', () => {
  const words = [completion(' AND', 4, 4, 'keyword'), completion(' OR', 4, 4, 'keyword')];
  assert.equal(isHelpful("x='a'", words), false);
  assert.equal(isHelpful('x=1 ', words), true);
  assert.equal(isHelpful('stat', [completion('status', 0, 4)]), true);
  assert.equal(isHelpful('status', [completion('status', 0, 6)]), false);
  assert.equal(isHelpful('x', []), false);
});

test('a key of a filter is replaced whether it is quoted or not, and longer keys stay', () => {
  const replace = (filter: string) => replaceKey(filter, 'metrics.val/acuracy', 'metrics.`val/accuracy`');
  assert.equal(replace('metrics.`val/acuracy` > 0.9'), 'metrics.`val/accuracy` > 0.9');
  assert.equal(replace('metrics."val/acuracy" > 0.9'), 'metrics.`val/accuracy` > 0.9');
  assert.equal(
    replaceKey('metrics.acc > 1 and metrics.acc2 > 1', 'metrics.acc', 'metrics.$&'),
    'metrics.$& > 1 and metrics.acc2 > 1',
  );
  assert.equal(replaceKey('params.a.b = "1"', 'params.a', 'params.c'), 'params.a.b = "1"');
});

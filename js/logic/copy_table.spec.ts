import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv, toMarkdown, toTsv } from './copy_table';

test('a copied cell is one cell, and no formula', () => {
  assert.equal(toTsv([['=1+1', '-1', 'a\tb\nc', '-x']]), "'=1+1\t-1\ta b c\t'-x");
});

test('a cell in Markdown is the same string when it is rendered', () => {
  const lines = toMarkdown(
    [
      ['kind', 'n'],
      ['<b>a</b>&amp; | ~~x~~', '2'],
    ],
    [false, true],
  ).split('\n');
  assert.deepEqual(lines.slice(1), ['| --- | ---: |', '| \\<b\\>a\\</b\\>\\&amp; \\| \\~\\~x\\~\\~ | 2 |']);
});

test('a cell of a CSV file may have commas, quotes and lines, and is no formula', () => {
  assert.equal(
    toCsv([
      ['why', 'n'],
      ['a "b", c\nd', '-1'],
      ['=HYPERLINK("x")', ''],
    ]),
    'why,n\r\n"a ""b"", c\nd",-1\r\n"\'=HYPERLINK(""x"")",\r\n',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render } from '@testing-library/preact';
import { Name } from './name';

/** Return the parts of a name: those that can be cut, and in brackets those that cannot. */
function parts(text: string, common?: { prefix: string; suffix: string }): string[] {
  const { container } = render(<Name text={text} common={common} />);
  assert.equal(container.textContent, text);
  return [...container.querySelectorAll('.nbt-name-head, .nbt-name-tail')].map(({ className, textContent }) =>
    className.includes('tail') ? `[${textContent}]` : textContent!,
  );
}

test('a long name is cut before its last characters', () => {
  assert.deepEqual(parts('short name'), ['short name']);
  assert.deepEqual(parts('a long name, alpha 0.0001'), ['a long name, al', '[pha 0.0001]']);
});

test('what a name has in common with others is cut first, but only of a name that has it', () => {
  const common = { prefix: 'StandardScaler, SVC width ', suffix: ' (final)' };
  assert.deepEqual(parts('StandardScaler, SVC width 64, alpha 0.1 (final)', common), [
    ...['StandardScaler, SVC width ', '64, alpha ', '[0.1]', ' (final)'],
  ]);
  assert.deepEqual(parts('StandardScaler, SVC width 64 (final)', common), [
    ...['StandardScaler, SVC width ', '64', ' (final)'],
  ]);
  assert.deepEqual(parts('StandardScaler, SVC width 64', common), ['StandardScaler, SV', '[C width 64]']);
  assert.deepEqual(parts('StandardScaler, SVC width (final)', common), ['StandardScaler, SVC wid', '[th (final)]']);
});

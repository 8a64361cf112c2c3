import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Completion } from '../../contract';
import { FilterHistory } from '../../state/filter_history';
import { FakeConnection, refusal } from '../../testing/connection';
import { QueryBox } from './query_box';

const completion = (text: string, end: number, kind: Completion['kind'] = 'name'): Completion => ({
  text,
  kind,
  start: 0,
  end,
  detail: kind,
});
const found = async (text: string) => ({
  completions: [completion('metrics.loss', text.length), completion('metrics.lr', text.length)],
  count: 2,
});

function box(props: Partial<Parameters<typeof QueryBox>[0]> = {}) {
  const applied: string[] = [];
  const view = render(
    <QueryBox applied="" error={null} disabled={false} apply={(filter) => applied.push(filter)} {...props} />,
  );
  return {
    applied,
    view,
    user: userEvent.setup({ delay: null }),
    field: screen.getByLabelText<HTMLInputElement>('Filter runs'),
  };
}

test('Enter applies the filter at once, and a pause in typing applies it too', async () => {
  const { applied, user, field } = box();
  await user.type(field, 'a=1{Enter}');
  assert.deepEqual(applied, ['a=1']);
  await user.type(field, '2');
  assert.deepEqual(applied, ['a=1']);
  await waitFor(() => assert.deepEqual(applied, ['a=1', 'a=12']));
});

test('arrows choose a completion and Enter inserts it, without applying the filter', async () => {
  const { applied, user, field } = box({ complete: found });
  await user.type(field, 'l');
  const options = await screen.findAllByRole('option');
  assert.equal(field.getAttribute('aria-expanded'), 'true');
  await user.keyboard('{ArrowDown}{ArrowDown}');
  assert.equal(field.getAttribute('aria-activedescendant'), options[1]!.id);
  await user.keyboard('{Enter}');
  assert.equal(field.value, 'metrics.lr ');
  assert.equal(screen.queryByRole('option'), null);
  assert.deepEqual(applied, []);
});

test('a list that is not complete says how many completions there are', async () => {
  const { user, field } = box({ complete: async (text) => ({ ...(await found(text)), count: 1000 }) });
  await user.type(field, 'l');
  await screen.findByText('2 of 1,000');
  assert.equal(screen.getAllByRole('option').length, 2);
});

test('Tab takes the first completion, and Escape closes the list', async () => {
  const { user, field } = box({ complete: found });
  await user.type(field, 'l');
  await screen.findAllByRole('option');
  await user.keyboard('{Tab}');
  assert.equal(field.value, 'metrics.loss ');
  assert.ok(document.activeElement === field);
  await user.keyboard('{ArrowDown}');
  await screen.findAllByRole('option');
  await user.keyboard('{Escape}');
  await waitFor(() => assert.equal(screen.queryByRole('option'), null));
});

test('a wrong filter shows where it is wrong, and its text stays text', async () => {
  const props = { applied: '', disabled: false, apply: () => undefined };
  const { view, user, field } = box(props);
  await user.type(field, '<b>x</b>{Enter}');
  view.rerender(<QueryBox {...props} error={refusal('INVALID_PARAMETER_VALUE', 'A key is missing.', 3).reply} />);
  const alert = screen.getByRole('alert');
  assert.equal(alert.querySelector('mark')?.textContent, 'x');
  assert.match(alert.textContent ?? '', /<b>x<\/b>A key is missing\..*character 4/);
  assert.equal(alert.querySelector('b'), null);
  assert.equal(field.getAttribute('aria-invalid'), 'true');
});

test('the filter is cleared by its button, and follows a filter that is set from Python', async () => {
  const { applied, view, user, field } = box({ applied: 'a=1' });
  await user.click(screen.getByRole('button', { name: 'Clear the filter' }));
  assert.deepEqual([field.value, applied], ['', ['']]);
  view.rerender(<QueryBox applied="b=2" error={null} disabled={false} apply={() => undefined} />);
  assert.equal(field.value, 'b=2');
});

test('while the user types, nothing is said to be wrong and nothing moves; it is explained when the typing ends', async () => {
  const props = { applied: '', disabled: false, apply: () => undefined };
  const { view, user, field } = box(props);
  const error = refusal('INVALID_PARAMETER_VALUE', 'The query ends too early.', 3).reply;
  await user.type(field, 'a >');
  await new Promise((resolve) => setTimeout(resolve, 600));
  view.rerender(<QueryBox {...props} error={error} />);
  const alert = screen.getByRole('alert');
  assert.equal(alert.textContent, '');
  assert.equal(field.getAttribute('aria-invalid'), 'true');
  await user.type(field, ' 1');
  assert.equal(field.getAttribute('aria-invalid'), 'false', 'The error is about what was there before.');
  assert.equal(alert.textContent, '');
  await user.tab();
  await waitFor(() => assert.match(alert.textContent ?? '', /ends too early/));
});

test('ArrowUp in an empty field offers the filters that were applied before, and keeps no wrong or unfinished ones', async () => {
  const error = refusal('INVALID_PARAMETER_VALUE', 'The query ends too early.', 3).reply;
  const kept: string[] = ['old'];
  const connection = new FakeConnection({
    filters: () => ({ filters: kept }),
    keep_filter: ({ filter }) => {
      kept.unshift(filter);
      return { filters: kept };
    },
  });
  const history = new FilterHistory(connection);
  const props = { applied: '', error: null, disabled: false, apply: () => undefined, history };
  const { view, user, field } = box(props);
  const applied = (filter: string, more = {}) => view.rerender(<QueryBox {...props} applied={filter} {...more} />);
  for (const filter of ['a = 1', 'b = 2', 'b = 2']) {
    await user.clear(field);
    await user.type(field, filter);
    applied(filter);
    await user.keyboard('{Enter}');
  }
  await user.clear(field);
  await user.type(field, 'c >{Enter}');
  applied('b = 2', { error });
  await user.clear(field);
  await user.type(field, 'd = 4');
  applied('d = 4');
  await user.clear(field);
  await user.keyboard('{ArrowUp}');
  await screen.findAllByRole('option');
  const texts = () => screen.getAllByRole('option').map((option) => option.firstChild?.textContent);
  assert.deepEqual(texts(), ['b = 2', 'a = 1', 'old']);
  await user.keyboard('{ArrowDown}{ArrowDown}{Enter}');
  assert.equal(field.value.trim(), 'a = 1');
});

test('a store that cannot be read or written has no history', async () => {
  const denied = () => {
    throw refusal('TEMPORARILY_UNAVAILABLE', 'The store is busy.');
  };
  const history = new FilterHistory(new FakeConnection({ filters: denied, keep_filter: denied }));
  await history.keep('a = 1');
  assert.deepEqual(await history.read(), []);
});

test('the matches are counted while a filter is typed, an old answer is dropped, and the last number stays until the next', async () => {
  const answers = new Map<string, (total: number) => void>();
  const count = (filter: string) => new Promise<number>((resolve) => answers.set(filter, resolve));
  const { user, field } = box({ count });
  const shown = () => document.querySelector('.nbt-query-matches')?.textContent;
  await user.type(field, 'a');
  await waitFor(() => assert.ok(answers.has('a')));
  await user.type(field, 'b');
  await waitFor(() => assert.ok(answers.has('ab')));
  answers.get('a')!(7);
  answers.get('ab')!(1234);
  await waitFor(() => assert.equal(shown(), '1,234 runs'));
  await user.type(field, 'c');
  assert.equal(shown(), '1,234 runs');
  assert.ok(document.querySelector('.nbt-query-counting'));
  await waitFor(() => assert.ok(answers.has('abc')));
  answers.get('abc')!(1);
  await waitFor(() => assert.equal(shown(), '1 run'));
  assert.equal(document.querySelector('.nbt-query-counting'), null);
});

test('a wrong word is underlined at its place after a pause, and not while it is being typed', async () => {
  const count = async (filter: string) => {
    const position = filter.indexOf('nope');
    if (position >= 0) {
      throw refusal('INVALID_PARAMETER_VALUE', 'Attribute nope does not exist.', position);
    }
    return 3;
  };
  const { user, field } = box({ count });
  const mark = () => document.querySelector('.nbt-query-mirror mark')?.textContent;
  await user.type(field, 'nope');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(mark(), undefined);
  await user.type(field, ' > 1');
  await waitFor(() => assert.equal(mark(), 'nope'));
  assert.equal(screen.getByRole('alert').textContent, '');
  await user.clear(field);
  await user.type(field, 'a > 1');
  await waitFor(() => assert.equal(document.querySelector('.nbt-query-matches')?.textContent, '3 runs'));
  assert.equal(mark(), undefined);
});

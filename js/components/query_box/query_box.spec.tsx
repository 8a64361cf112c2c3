import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Completion } from '../../contract';
import { refusal } from '../../testing/connection';
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
  localStorage.clear();
  const error = refusal('INVALID_PARAMETER_VALUE', 'The query ends too early.', 3).reply;
  const props = { applied: '', error: null, disabled: false, apply: () => undefined };
  const { view, user, field } = box(props);
  const applied = (filter: string, more = {}) => view.rerender(<QueryBox {...props} applied={filter} {...more} />);
  for (const filter of ['a = 1', 'b = 2', 'a = 1']) {
    await user.clear(field);
    await user.type(field, filter);
    applied(filter);
    await user.keyboard('{Enter}');
  }
  await user.clear(field);
  await user.type(field, 'c >{Enter}');
  applied('a = 1', { error });
  await user.clear(field);
  await user.type(field, 'd = 4');
  applied('d = 4');
  await user.clear(field);
  await user.keyboard('{ArrowUp}');
  const texts = () => screen.getAllByRole('option').map((option) => option.firstChild?.textContent);
  assert.deepEqual(texts(), ['a = 1', 'b = 2']);
  await user.keyboard('{ArrowDown}{ArrowDown}{Enter}');
  assert.equal(field.value.trim(), 'b = 2');
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { act, render, screen, waitFor, within } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { QueryState } from '../../state/query';
import { Selection } from '../../state/selection';
import { StyleValues } from '../../state/style_values';
import { FakeConnection } from '../../testing/connection';
import { tableRow } from '../../testing/rows';
import { viewOf } from '../../testing/view';
import { ColorBy } from './color_by';

const IDS = ['a', 'b', 'c'].map((letter) => letter.repeat(32));

/** The colors of three selected runs, of which the table has loaded the first. */
function colors(values: (string | null)[], fields = {}, live = true) {
  const kept = new Map(IDS.map((id, i) => [id, values[i] ?? null]));
  const connection = new FakeConnection({
    values: ({ run_ids }) => ({ values: run_ids.map((id) => kept.get(id) ?? null) }),
    group_columns: () => ({
      columns: [{ column: 'params.`a b`', kind: 'param', name: 'a b', groups: 2, runs: 3 }],
      count: 1,
    }),
  });
  connection.live = live;
  const view = viewOf({ selected: IDS, ...fields });
  const selection = new Selection(view, (id) =>
    id === IDS[0] ? tableRow(id, { params: { 'a b': values[0]! } }) : undefined,
  );
  const styles = new StyleValues(connection, selection);
  const stop = styles.follow();
  render(<ColorBy connection={connection} query={new QueryState(view)} selection={selection} values={styles} />);
  const slots = () => IDS.map((id) => selection.slots.value.get(id));
  return { connection, kept, view, styles, selection, slots, stop, user: userEvent.setup({ delay: null }) };
}

test('a column is chosen, and runs that the table has not loaded have the colors of their values', async () => {
  const { connection, view, slots, user } = colors(['sgd', 'adam', 'sgd'], { styles: [{ value: IDS[0]!, slot: 5 }] });
  await user.click(screen.getByRole('button', { name: 'run…' }));
  await user.click(await screen.findByRole('option', { name: /^a b/ }));
  assert.equal(view.peek().style_by, 'params.`a b`');
  await waitFor(() => assert.deepEqual(slots(), [1, 0, 1]));
  assert.deepEqual(connection.payloads('values'), [{ run_ids: IDS, column: 'params.`a b`' }]);
  const items = within(screen.getByRole('list')).getAllByRole('listitem');
  assert.deepEqual(
    items.map((item) => item.textContent),
    ['adam1', 'sgd2'],
  );
  await user.click(screen.getByRole('button', { name: 'a b…' }));
  await user.click(await screen.findByRole('option', { name: /each run has its own/ }));
  assert.equal(view.peek().style_by, null);
  assert.equal(slots()[0], 5, 'The style of a run is kept.');
});

test('the color of a value is changed and reset, and belongs to all runs with the value', async () => {
  const { view, slots, user } = colors(['1', '2', '1.0'], { style_by: 'a b' });
  await waitFor(() => assert.deepEqual(slots(), [0, 1, 0]));
  await user.click(screen.getByRole('button', { name: 'Line of 1' }));
  const reset = screen.getByRole('button', { name: 'Default' });
  assert.equal(reset.getAttribute('aria-disabled'), 'true');
  await user.click(screen.getByRole('radio', { name: 'color 5' }));
  await user.click(screen.getByRole('radio', { name: 'dotted' }));
  assert.deepEqual(slots(), [20, 1, 20]);
  await user.click(screen.getByRole('button', { name: 'Default' }));
  assert.deepEqual(slots(), [0, 1, 0]);
  assert.deepEqual(view.peek().styles, []);
});

test('a value keeps its color when runs are selected and unselected, and values are read once', async () => {
  const { connection, styles, kept, selection, slots } = colors(['b', 'c', null], { style_by: 'tags.team' });
  await waitFor(() => assert.equal(connection.payloads('values').length, 1));
  await waitFor(() => assert.deepEqual(slots(), [0, 1, -1]));
  selection.toggle(IDS[0]!);
  assert.deepEqual(slots(), [undefined, 1, -1]);
  selection.toggle(IDS[0]!);
  assert.deepEqual(slots(), [0, 1, -1]);
  assert.equal(connection.payloads('values').length, 1);
  kept.set(IDS[0]!, 'c');
  await act(() => {
    styles.refresh();
  });
  await waitFor(() => assert.deepEqual(slots(), [1, 1, -1]));
});

test('many numbers have the colors of a scale, whose ends are named', async () => {
  const ids = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(32));
  const { selection } = colors([], { selected: ids, style_by: 'params.lr' });
  await act(() => {
    selection.known.value = {
      column: 'params.lr',
      values: new Map(ids.map((id, i) => [id, i === 9 ? null : `${10 ** -i}`])),
    };
  });
  screen.getByText('log scale');
  screen.getByText('no value (1)');
  screen.getByRole('img', { name: /^Colors from 1\S*8 to 1$/ });
  assert.equal(screen.queryByRole('list'), null);
});

test('a saved view names the column and its values, and a name that is HTML stays a string', async () => {
  const { slots } = colors(['<img src=x>', null, null], { style_by: 'params.`a b`' }, false);
  assert.deepEqual(slots(), [0, -1, -1]);
  screen.getByText('<img src=x>');
  assert.equal(document.querySelector('img'), null);
  assert.equal(screen.queryByRole('button', { name: 'a b…' }), null);
});

test('each color of lines has a contrast of 3:1 to its background, and the scale grows lighter', () => {
  const css = readFileSync('js/style/base.css', 'utf8');
  const luminance = (color: string) => {
    const part = (at: number) => {
      const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  };
  const contrast = (a: string, b: string) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high! + 0.05) / (low! + 0.05);
  };
  const found = [...css.matchAll(/--nbt-(c\d+|s\d+|no-value): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name, light, dark]) => ({ name: name!, light: light!, dark: dark! }),
  );
  assert.equal(found.length, 8 + 12 + 1);
  for (const { name, light, dark } of found) {
    // The page of JupyterLab in its dark theme is lighter than our own.
    assert.ok(contrast(light, '#ffffff') >= 3 && contrast(dark, '#212121') >= 3, name);
  }
  const scale = found.filter(({ name }) => name.startsWith('s'));
  for (const theme of ['light', 'dark'] as const) {
    const values = scale.map((step) => luminance(step[theme]));
    assert.deepEqual(
      [...values].sort((a, b) => a - b),
      values,
    );
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { act, render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { Panel, PanelsView } from '../../contract';
import type { PanelData } from '../../data/panel_data';
import type { Curve } from '../../data/series';
import { DEFAULT_VIEW, MetricPanels } from './metric_panels';

const curve = (key: string, y: number[], fields: Partial<Curve> = {}): Curve => ({
  run_id: 'r',
  key,
  name: null,
  x: Float64Array.from(y.keys()),
  y: Float64Array.from(y),
  low: null,
  high: null,
  count: null,
  width: 0,
  total: y.length,
  nan: 0,
  infinite: 0,
  odd: null,
  isThinned: false,
  joined: null,
  version: '',
  ...fields,
});
const panelsOf = (...titles: string[]): Panel[] => titles.map((title) => ({ title, keys: [title] }));
const many = (prefix: string, count: number) => [...Array(count).keys()].map((i) => `${prefix}${i}`);
const dataOf = (curves: Curve[], fields: Partial<PanelData> = {}): PanelData => ({
  curves: new Map(curves.map((one) => [one.key, one])),
  values: Object.fromEntries(curves.map(({ key, y }) => [key, y.at(-1)!])),
  best: null,
  marks: new Map(),
  ...fields,
});

function shown(panels: Panel[], data = dataOf([]), view: Partial<PanelsView> = {}) {
  const state = { data: signal(data), view: signal<PanelsView>({ ...DEFAULT_VIEW, ...view }) };
  render(<MetricPanels panels={panels} system={[]} run_id="r" {...state} />);
  return { ...state, user: userEvent.setup({ delay: null }) };
}
const titles = () => [...document.querySelectorAll('.nbt-panel')].map((panel) => panel.getAttribute('data-panel'));

test('one panel has neither a heading nor a search', () => {
  shown(panelsOf('loss'));
  assert.deepEqual(titles(), ['loss']);
  assert.equal(screen.queryByRole('heading'), null);
  assert.equal(screen.queryByRole('searchbox'), null);
});

test('many panels are in sections, which fold and keep that', async () => {
  const panels = panelsOf('loss', ...many('layer/', 9), ...many('gradient/', 110));
  const { user, view } = shown(panels);
  assert.equal(titles().length, 10);
  const gradients = screen.getByRole('button', { name: 'gradient 110' });
  assert.equal(gradients.getAttribute('aria-expanded'), 'false');
  await user.click(screen.getByRole('button', { name: 'layer 9' }));
  assert.deepEqual(titles(), ['loss']);
  await user.click(gradients);
  assert.equal(titles().length, 13);
  await user.click(screen.getByRole('button', { name: 'Show all 110 charts' }));
  assert.equal(titles().length, 111);
  assert.deepEqual(view.value.open, { layer: false, gradient: true });
});

test('a search finds panels in sections that are folded', async () => {
  const { user } = shown(panelsOf('loss', ...many('layer/', 40)), dataOf([]), { open: { layer: false } });
  assert.deepEqual(titles(), ['loss']);
  const search = screen.getByRole('searchbox', { name: 'Search metrics' });
  await user.type(search, 'LAYER/1');
  assert.equal(titles().length, 11);
  assert.ok(screen.getByText('11 of 41 charts'));
  await user.type(search, 'x');
  assert.ok(screen.getByText('No metric has this in its name.'));
  await user.clear(search);
  assert.deepEqual(titles(), ['loss']);
});

test('a panel that is out of sight is drawn when it comes into sight', async () => {
  const { data } = shown(panelsOf('loss'), dataOf([curve('loss', [3, 2])]));
  const chart = await screen.findByRole('img', { name: 'loss: loss by step' });
  const panel = document.querySelector('.nbt-panel')!;
  assert.ok(screen.getByText('2'));
  const look = (isInSight: boolean) =>
    act(() => {
      const { all } = IntersectionObserver as unknown as { all: Set<{ look(of: () => boolean): void }> };
      for (const observer of all) {
        observer.look(() => isInSight);
      }
    });
  await look(false);
  await act(() => {
    data.value = dataOf([curve('loss', [3, 2, 1])]);
  });
  assert.ok(screen.getByText('2') && panel.contains(chart));
  await look(true);
  await waitFor(() => assert.ok(screen.getByText('1')));
});

test('the best run so far is named in the legend, and can be hidden', async () => {
  const best = { name: 'calm-owl', curves: new Map([['loss', curve('loss', [2, 1])]]) };
  const { user, view } = shown(panelsOf('loss', 'acc'), dataOf([curve('loss', [3, 2]), curve('acc', [0])], { best }));
  assert.equal((await screen.findAllByText('best so far: calm-owl')).length, 1);
  await user.click(screen.getByRole('checkbox', { name: 'Best run so far' }));
  assert.equal(screen.queryByText('best so far: calm-owl'), null);
  assert.equal(view.value.best, false);
});

test('NaN is mentioned, and one huge value does not flatten the curve', async () => {
  const y = [...Array(50).keys()].map((i) => 50 - i);
  y[20] = 1e30;
  y[30] = NaN;
  shown(panelsOf('loss'), dataOf([curve('loss', y, { nan: 1, odd: null })]));
  await screen.findByText('1 point is not drawn: 1 NaN.');
  assert.ok(screen.getByText(/1 value far outside of the others is not shown/));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { ViewState } from '../contract';
import { comparison } from '../screens';
import { runsReply } from '../testing/connection';
import { tableRow } from '../testing/rows';
import { widget } from './host';

/** The model of an anywidget, whose kernel answers nothing. */
function model(traits: Record<string, unknown>) {
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  const of = (name: string) => listeners.get(name) ?? listeners.set(name, new Set()).get(name)!;
  let saves = 0;
  return {
    listeners: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
    saves: () => saves,
    traits,
    set: (name: string, value: unknown) => {
      traits[name] = value;
      for (const listener of of(`change:${name}`)) {
        listener();
      }
    },
    model: {
      get: (name: string) => traits[name],
      set: (name: string, value: unknown) => {
        traits[name] = value;
      },
      save_changes: () => (saves += 1),
      on: (name: string, listener: () => void) => of(name).add(listener),
      off: (name: string, listener: () => void) => of(name).delete(listener),
      send: () => undefined,
    },
  };
}

const payload = { filter: '', order_by: [], grouped: true, unfolded: [] };

function shown(view: Partial<ViewState> = {}) {
  const answers = { runs: { payload, reply: runsReply([tableRow('a'), tableRow('b')]), buffers: [] } };
  const kernel = model({
    _snapshot: { view: 'comparison', options: {}, answers },
    _view: view,
  });
  const el = document.createElement('div');
  document.body.append(el);
  const end = widget(comparison).render({ model: kernel.model, el } as never);
  return { kernel, el, end, user: userEvent.setup({ delay: null }) };
}

test('the selection is synced with Python in both directions, and the last view ends every listener', async () => {
  const { kernel, el, end, user } = shown();
  await screen.findByText('2 runs, 0 selected');
  await user.click(screen.getByRole('checkbox', { name: 'Select b' }));
  assert.deepEqual((kernel.traits._view as ViewState).selected, ['b']);
  assert.equal(kernel.saves(), 1);
  await act(() => kernel.set('_view', { selected: ['a', 'b'] }));
  await screen.findByText('2 runs, 2 selected');
  assert.equal(kernel.saves(), 1, 'What Python set is not sent back.');
  await act(() => end());
  assert.equal(el.textContent, '');
  assert.equal(kernel.listeners(), 0);
  el.remove();
});

test('after a reload of the page, rows of an earlier query are not shown as those of the present one', async () => {
  const { el, end } = shown({ query: 'metrics.loss < 1' });
  await screen.findByText('Loading runs…');
  assert.equal(screen.getByLabelText<HTMLInputElement>('Filter runs').value, 'metrics.loss < 1');
  assert.equal(screen.queryByText('2 runs, 0 selected'), null);
  await act(() => end());
  el.remove();
});

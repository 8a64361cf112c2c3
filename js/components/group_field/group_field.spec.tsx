import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { render, screen, waitFor } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import type { GroupColumn } from '../../contract';
import { comparisonState } from '../../state/comparison';
import { FakeConnection, groupsReply, refusal, runsReply } from '../../testing/connection';
import { groupRow, tableRow } from '../../testing/rows';
import { GroupField } from './group_field';

const COLUMNS: GroupColumn[] = [
  { column: 'params.optimizer', kind: 'param', name: 'optimizer', groups: 2, runs: 9 },
  { column: 'tags.team', kind: 'tag', name: 'team', groups: 3, runs: 4 },
  { column: 'datasets.name', kind: 'dataset', name: 'dataset', groups: 1, runs: 9 },
  { column: 'params.seed', kind: 'param', name: 'seed', groups: 9, runs: 9 },
];

function field(view: object = {}, live = true) {
  let failures = 0;
  const connection = new FakeConnection({
    runs: () => runsReply([tableRow('a')]),
    groups: () => groupsReply([groupRow('s:adam')]),
    group_columns: ({ search = '' }) => {
      if (failures-- > 0) {
        throw refusal('TEMPORARILY_UNAVAILABLE', 'The store is busy.');
      }
      const columns = COLUMNS.filter(({ name }) => name.includes(search));
      return { columns, count: columns.length };
    },
  });
  connection.live = live;
  const state = comparisonState(connection, signal({ query: 'q', ...view }));
  render(<GroupField {...state} />);
  return { connection, state, fail: () => (failures = 1), user: userEvent.setup({ delay: null }) };
}

test('the columns of the runs that match are offered with the number of their values, and searched in the store', async () => {
  const { connection, state, user } = field();
  await user.click(screen.getByRole('button', { name: 'Group by…' }));
  await screen.findByRole('option', { name: 'optimizer 2 values' });
  assert.deepEqual(
    [...document.querySelectorAll('.nbt-popover-group')].map((heading) => heading.textContent),
    ['Params', 'Tags', 'Datasets'],
  );
  assert.deepEqual(connection.payloads('group_columns')[0]?.filter, 'q');
  await user.keyboard('team');
  await waitFor(() => assert.equal(connection.payloads('group_columns').at(-1)?.search, 'team'));
  await user.keyboard('{Enter}');
  await waitFor(() => assert.equal(state.view.peek().group_by, 'tags.team'));
  assert.equal(connection.payloads('groups').at(-1)?.by, 'tags.team');
});

test('the column is shown beside what the groups show, and can be taken away', async () => {
  const { connection, state, user } = field({ group_by: 'params.`learning rate`' });
  await user.selectOptions(screen.getByLabelText('Groups show'), 'min');
  await waitFor(() => assert.equal(state.view.peek().group_statistic, 'min'));
  assert.equal(connection.payloads('groups').at(-1)?.statistic, 'min');
  await user.click(screen.getByRole('button', { name: 'Stop grouping by learning rate' }));
  await waitFor(() => assert.equal(state.view.peek().group_by, null));
  assert.equal(screen.queryByLabelText('Groups show'), null);
});

test('columns that cannot be read are asked for again, and without a kernel none are offered', async () => {
  const { fail, user } = field();
  fail();
  await user.click(screen.getByRole('button', { name: 'Group by…' }));
  await screen.findByText('The store is busy.');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => assert.equal(screen.queryByText('The store is busy.'), null));
  document.body.textContent = '';
  field({ group_by: 'tags.team' }, false);
  assert.ok(screen.getByText('team'));
  assert.equal(screen.queryByRole('button', { name: 'Change…' }), null);
});

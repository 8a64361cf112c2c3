import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render, screen } from '@testing-library/preact';
import userEvent from '@testing-library/user-event';
import { MetricField } from './metric_field';

/** The field of a chart that can show this many metrics. */
function field(count: number) {
  const changes: string[] = [];
  const metrics = Array.from({ length: count }, (_, i) => `layer ${i}/<b>loss</b>`);
  render(
    <MetricField label="Metric" value={metrics[7]!} metrics={metrics} change={(metric) => changes.push(metric)} />,
  );
  return { changes, user: userEvent.setup({ delay: null }), input: screen.getByLabelText<HTMLInputElement>('Metric') };
}

test('a few metrics are a list of choices', async () => {
  const { changes, user, input } = field(50);
  assert.equal(input.tagName, 'SELECT');
  await user.selectOptions(input, 'layer 3/<b>loss</b>');
  assert.deepEqual(changes, ['layer 3/<b>loss</b>']);
});

test('many metrics are searched by words, with a list of the first that match', async () => {
  const { changes, user, input } = field(8000);
  assert.equal(input.value, 'layer 7/<b>loss</b>');
  assert.equal(document.querySelectorAll('option, [role=option]').length, 0);
  await user.click(input);
  assert.equal(screen.getAllByRole('option').length, 60);
  screen.getByText('60 of 8,000');
  await user.type(input, 'LOSS 799');
  assert.equal(screen.getAllByRole('option').length, 18);
  await user.keyboard('{ArrowDown}{Enter}');
  assert.deepEqual(changes, ['layer 1799/<b>loss</b>']);
  assert.equal(screen.queryByRole('option'), null);
  assert.equal(document.querySelector('b'), null);
});

test('Escape and leaving the field change nothing, and a search without a match says so', async () => {
  const { changes, user, input } = field(51);
  await user.type(input, 'accuracy');
  screen.getByText('No metric has this name.');
  await user.keyboard('{Enter}');
  await user.keyboard('{Escape}');
  assert.equal(input.value, 'layer 7/<b>loss</b>');
  await user.keyboard('{ArrowDown}x');
  await user.tab();
  assert.equal(input.value, 'layer 7/<b>loss</b>');
  assert.deepEqual(changes, []);
});

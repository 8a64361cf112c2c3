import type { Summary } from '../../contract';
import { exactNumber, formatNumber } from '../../logic/format';

/** The last and the best value of each metric of a run that has ended. */
export function SummaryTable({ summary }: { summary: Summary[] }) {
  return (
    <table class="nbt-table nbt-summary" aria-label="Summary">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col" class="nbt-number">
            Last
          </th>
          <th scope="col" class="nbt-number">
            Best
          </th>
          <th scope="col" class="nbt-number">
            at step
          </th>
          <th scope="col" class="nbt-number">
            Points
          </th>
        </tr>
      </thead>
      <tbody>
        {summary.map((row) => (
          <tr key={row.key} data-key={row.key}>
            <th scope="row">{row.key}</th>
            <td class="nbt-number" title={exactNumber(row.last)}>
              {formatNumber(row.last)}
            </td>
            <td class="nbt-number" title={`${row.lower_is_better ? 'Lowest' : 'Highest'}: ${exactNumber(row.best)}`}>
              {formatNumber(row.best)} <span class="nbt-muted">{row.lower_is_better ? 'min' : 'max'}</span>
            </td>
            <td class="nbt-number">{row.best_step ?? ''}</td>
            <td class="nbt-number">{row.points}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

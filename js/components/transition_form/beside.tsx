import { useSignal } from '@preact/signals';
import type { PartDifference, PreviewTransitionReply } from '../../contract';
import { exactNumber, formatNumber, grouped, plural, toNumber } from '../../logic/format';
import { Difference } from '../value/value';

/** How many metrics are shown until the user asks for all of them. */
const MOST_METRICS = 10;
const PARTS: Record<PartDifference['part'], string> = {
  inputs: 'Inputs',
  outputs: 'Outputs',
  params: 'Params of predictions',
  data: 'Data',
};

/**
 * A candidate beside the versions that it meets: metrics, each with its difference from the first of these versions, and
 * what differs in the signature and the data.
 */
export function Beside({ preview }: { preview: PreviewTransitionReply }) {
  const { candidate, beside, lower_is_better, differences } = preview;
  const all = useSignal(false);
  const first = beside[0];
  if (!first) {
    return null;
  }
  const versions = [candidate, ...beside];
  const keys = [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const shown = all.value ? keys : keys.slice(0, MOST_METRICS);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="nbt-beside" tabIndex={0} aria-label="Candidate and current versions">
      <table class="nbt-table">
        <thead>
          <tr>
            <td />
            {versions.map(({ version, stage, run_name }, i) => (
              <th key={version} class="nbt-number" scope="col" title={run_name}>
                Version {version} <span class="nbt-muted">{i === 0 ? 'candidate' : stage}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((key) => (
            <tr key={key}>
              <th scope="row" title={key}>
                {key}
              </th>
              {versions.map(({ version, metrics }, i) => (
                <td key={version} class="nbt-number" title={exactNumber(metrics[key])}>
                  {formatNumber(metrics[key])}
                  {i === 0 && (
                    <Difference
                      difference={toNumber(metrics[key]) - toNumber(first.metrics[key])}
                      lowerIsBetter={lower_is_better.includes(key)}
                      from={`version ${first.version}`}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
          {differences.map((part) => (
            <tr key={part.part}>
              <th scope="row">{PARTS[part.part]}</th>
              {versions.map(({ version }, i) => (
                <td key={version}>
                  <Entries part={part} i={i} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {keys.length > MOST_METRICS && (
        <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? `Show only ${MOST_METRICS} metrics` : `Show all ${plural(keys.length, 'metric')}`}
        </button>
      )}
    </section>
  );
}

/** What only one of the versions has of a part. */
function Entries({ part: { only, counts, same }, i }: { part: PartDifference; i: number }) {
  const entries = only[i];
  if (!entries) {
    return <span class="nbt-muted">no signature</span>;
  }
  const more = counts[i]! - entries.length;
  return (
    <>
      {entries.map((entry) => (
        <div key={entry} class="nbt-entry" title={entry}>
          ≠ {entry}
        </div>
      ))}
      {more > 0 && <div class="nbt-muted">and {grouped(more)} more</div>}
      <span class="nbt-muted">{same > 0 ? `= ${grouped(same)} the same` : entries.length === 0 && 'none'}</span>
    </>
  );
}

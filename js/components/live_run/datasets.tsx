import type { DatasetRow } from '../../contract';
import { plural } from '../../logic/format';

/** The datasets that were logged as inputs of the run. */
export function Datasets({ datasets }: { datasets: DatasetRow[] }) {
  return (
    <dl class="nbt-params nbt-datasets" aria-label="Datasets">
      {datasets.map((dataset) => (
        <div
          key={`${dataset.context} ${dataset.name} ${dataset.digest}`}
          title={`${dataset.name}, digest ${dataset.digest}${dataset.source && `, from ${dataset.source}`}`}
        >
          <dt>{dataset.context ?? 'dataset'}</dt>
          <dd>
            <span class="nbt-dataset-name">{dataset.name}</span>{' '}
            <code class="nbt-muted">{dataset.digest.slice(0, 8)}</code>
            {dataset.rows !== null && <span class="nbt-muted"> {plural(dataset.rows, 'row')}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

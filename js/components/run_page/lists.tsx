import { useRef } from 'preact/hooks';
import type { RunPageReply } from '../../contract';
import { ofAll, plural } from '../../logic/format';
import type { RunPageState } from '../../state/run_page';
import { StageBadge } from '../stage/stage';
import { CodeBlock } from './code_block';
import { Grid, ListPager } from './parts';

/** The pause in typing after which params are searched for, in ms. */
const PAUSE_MS = 250;

interface Props {
  reply: RunPageReply;
  state: RunPageState;
}

/** All params of a run, and a search by name. */
export function Params({ reply: { run, param_count, found_params }, state }: Props) {
  const timer = useRef(0);
  const search = (text: string) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => state.find(text), PAUSE_MS);
  };
  return (
    <>
      {state.connection.live && (
        <p class="nbt-controls">
          <input
            type="search"
            class="nbt-input"
            aria-label="Search params"
            placeholder="Search params"
            defaultValue={state.search.peek()}
            onInput={(event) => search(event.currentTarget.value)}
          />
          <span class="nbt-muted" role="status">
            {ofAll(found_params, param_count, 'param')}
          </span>
        </p>
      )}
      <Grid label="Params" head={['Param', 'Value']} rows={Object.entries(run.params)} />
      <ListPager state={state} list="param" count={found_params} />
    </>
  );
}

/** The datasets that were logged as inputs of a run. */
export function Datasets({ reply: { datasets, dataset_count }, state }: Props) {
  return (
    <>
      <Grid
        label="Datasets"
        head={['Dataset', 'Context', 'Digest', 'Rows', 'Source']}
        rows={datasets.map(({ name, context, digest, rows, source }) => [name, context, digest, rows, source])}
      />
      <ListPager state={state} list="dataset" count={dataset_count} />
    </>
  );
}

/** The models that a run logged, and the versions that were registered from them. */
export function Models({ reply: { models }, select }: Props & { select: (path: string) => void }) {
  return (
    <Grid
      label="Models"
      head={['Model', 'Flavors', 'Created (UTC)', 'Versions']}
      rows={models.map(({ path, flavors, created, versions }) => [
        <button key={path} type="button" class="nbt-link" onClick={() => select(path)}>
          {path}
        </button>,
        flavors.join(', '),
        created.slice(0, 19),
        versions.map(({ name, version, stage, aliases }) => (
          <span key={`${name} ${version}`} class="nbt-model-version">
            {`${name} ${version}${aliases.map((alias) => ` @${alias}`).join('')} `}
            <StageBadge stage={stage} />
          </span>
        )),
      ])}
    />
  );
}

/** The cell that created a run, and the environment that it ran in. */
export function Code({ reply, state }: Props) {
  const { cell, python, python_here, packages, package_count, differing_packages } = reply;
  return (
    <>
      <h4 class="nbt-run-title">Cell {cell?.execution_count}</h4>
      {cell ? (
        <CodeBlock code={cell.source} label="The cell that created the run" isCell={!cell.is_cut} />
      ) : (
        <p class="nbt-muted">It was not kept. %%track keeps it.</p>
      )}
      <h4 class="nbt-run-title">Environment</h4>
      <p>
        Python {python || 'of unknown version'}
        {python !== python_here && `, in this kernel ${python_here}`}. {plural(package_count, 'package')},{' '}
        {differing_packages} of another version in this kernel.
      </p>
      <Grid
        label="Packages"
        head={['Package', 'Version', 'In this kernel']}
        rows={packages.map(({ name, version, here }) => [
          name,
          version,
          version === here ? 'the same' : <b key={name}>{here ?? 'not installed'}</b>,
        ])}
      />
      <ListPager state={state} list="package" count={package_count} />
    </>
  );
}

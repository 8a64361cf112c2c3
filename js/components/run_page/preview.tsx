import { useSignal } from '@preact/signals';
import { ask, type Connection } from '../../connection/connection';
import type { ArtifactReply, ImageSeries } from '../../contract';
import { formatBytes, formatTime, ofAll, plural } from '../../logic/format';
import { saveFile } from '../../logic/save_file';
import { CodeBlock } from './code_block';
import { Grid, Pairs, Scroll, useReply } from './parts';

interface Props {
  connection: Connection;
  run_id: string;
  path: string;
  select: (path: string) => void;
}

/** What can be seen of an artifact, without code of it being run. */
export function Preview({ connection, run_id, path, select }: Props) {
  const [found, shown] = useReply(connection, 'artifact', { run_id, path });
  const said = useSignal('');
  const download = () =>
    ask(
      connection,
      'artifact',
      { run_id, path, whole: true },
      ({ reply: { data } }) => {
        said.value = data ? '' : 'It is too large. The code below copies it.';
        if (data) {
          saveFile(path.split('/').at(-1)!, bytesOf(data));
        }
      },
      ({ message }) => (said.value = message),
    );
  // The image of the last step stays until the next one is here.
  const reply = found?.path === path || found?.series?.images.some((image) => image.path === path) ? found : null;
  return (
    <>
      <p class="nbt-preview-head">
        <b>{reply?.series?.key ?? path}</b>
        {reply?.modified && <span class="nbt-muted">{formatTime(reply.modified)}</span>}
        {reply?.size != null && (
          <button type="button" class="nbt-link" onClick={download}>
            Download {formatBytes(reply.size)}
          </button>
        )}
        <span role="status">{said.value}</span>
      </p>
      {shown}
      {reply && (
        <>
          {reply.series && <Steps series={reply.series} path={path} select={select} />}
          <Content reply={reply} />
          <CodeBlock code={reply.model?.code.join('\n') || reply.code} label="Code that loads it" />
        </>
      )}
    </>
  );
}

function Content({ reply: { kind, text, data, table, model, path, is_cut } }: { reply: ArtifactReply }) {
  if (model) {
    const parts = [
      ['Flavors', model.flavors],
      ['Inputs', model.inputs],
      ['Outputs', model.outputs],
      ['Params', model.params],
      ['Created', [model.created]],
    ] as const;
    return <Pairs title="Model" pairs={parts.map(([name, lines]) => [name, lines.join('\n')])} />;
  }
  if (table) {
    const { columns, rows, row_count, column_count } = table;
    return (
      <>
        <Grid label="The first rows" head={columns} rows={rows} />
        <p class="nbt-muted">
          {row_count === null ? `the first ${plural(rows.length, 'row')}` : ofAll(rows.length, row_count, 'row')},{' '}
          {ofAll(columns.length, column_count, 'column')}
        </p>
      </>
    );
  }
  if (data) {
    return <img class="nbt-preview" src={data} alt={path} />;
  }
  if (text === null) {
    return kind === 'folder' ? null : <p class="nbt-muted">It is binary or too large to be shown.</p>;
  }
  return (
    <>
      {kind === 'html' ? (
        <iframe class="nbt-preview" sandbox="" srcdoc={framed(text)} title={path} />
      ) : (
        <Scroll label={path}>
          <pre>{text}</pre>
        </Scroll>
      )}
      {is_cut && <p class="nbt-muted">Only the beginning is shown.</p>}
    </>
  );
}

/** What stands before a page of HTML in its frame: it can load nothing. */
const SHELL = `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none';img-src data:;style-src 'unsafe-inline'"><meta http-equiv="x-dns-prefetch-control" content="off"><base target="_blank">`;

/**
 * Return a page of HTML in a frame within a frame, both without scripts, forms, popups and an origin. A link in the outer one
 * could show another page there, because the policy of a page is about what is in it. So the page is in the inner frame, and
 * the policy of the outer one lets that go nowhere.
 */
function framed(html: string): string {
  const page = (SHELL + html).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return `${SHELL}<style>html,body,iframe{display:block;margin:0;border:0;width:100%;height:100%}</style><iframe srcdoc="${page}">`;
}

/** Chooses the step of a series of images. */
function Steps({ series: { images, count }, path, select }: { series: ImageSeries } & Pick<Props, 'path' | 'select'>) {
  const at = images.findIndex((image) => image.path === path);
  return (
    <label class="nbt-controls">
      <input
        type="range"
        max={images.length - 1}
        value={at}
        onInput={(event) => select(images[Number(event.currentTarget.value)]!.path)}
      />
      Step {images[at]?.step}
      <span class="nbt-muted">{ofAll(images.length, count, 'image')}</span>
    </label>
  );
}

/** Return the content of a data URL. */
function bytesOf(data: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(data.slice(data.indexOf(',') + 1)), (character) => character.charCodeAt(0));
}

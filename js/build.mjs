// Builds the widgets' loader, chunks and bundle into src/nbtrack/static, and the input of @jupyter/builder into lib.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleEntry, chunks, loaderEntry, options, STATIC, screens, styles } from './options.mjs';

const LOADER_KB = 15;
const CHUNKS_KB = 350;

/** Return the content of an entry as one minified file. */
async function minified(stdin, define = {}) {
  const { outputFiles } = await build({
    ...options,
    minify: true,
    stdin,
    write: false,
    define: { ...options.define, ...define },
  });
  return outputFiles[0].text;
}

const [names, styleEntry] = await Promise.all([screens(), styles()]);
const style = await minified(styleEntry);
const { manifest, sources } = await chunks(names, style);
const [loader, bundle] = await Promise.all([
  minified(loaderEntry(), { MANIFEST: JSON.stringify(manifest) }),
  minified(bundleEntry()),
  // JupyterLab provides the packages that its extensions share.
  build({
    ...options,
    entryPoints: { index: 'js/lab/index.ts' },
    outdir: 'lib',
    external: ['@jupyterlab/*', '@lumino/*'],
  }),
]);
await writeFile('lib/index.css', style);

// Chunks of earlier builds must not get into a wheel.
await rm(STATIC, { recursive: true, force: true });
await mkdir(`${STATIC}/chunks`, { recursive: true });
const files = {
  'loader.js': loader,
  'bundle.js': bundle,
  'style.css': style,
  'manifest.json': JSON.stringify(manifest, null, 2),
  ...Object.fromEntries(Object.entries(sources).map(([name, source]) => [`chunks/${name}`, source])),
};
await Promise.all(Object.entries(files).map(([name, text]) => writeFile(`${STATIC}/${name}`, text)));

const kilobytes = (texts) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1000;
const sizes = { loader: [kilobytes([loader]), LOADER_KB], chunks: [kilobytes(Object.values(sources)), CHUNKS_KB] };
for (const [what, [size, limit]] of Object.entries(sizes)) {
  console.log(`${what}: ${size.toFixed(1)} kB`);
  if (size > limit) {
    throw new Error(`The ${what} must be at most ${limit} kB, not ${size.toFixed(1)} kB.`);
  }
}

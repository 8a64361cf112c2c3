// Builds the widgets' bundles into src/nbtrack/static, and what @jupyter/builder packs up for JupyterLab into lib.
import { mkdir, stat } from 'node:fs/promises';
import { build } from 'esbuild';
import { LIMIT_KB, options, STATIC, WIDGETS } from './options.mjs';

await mkdir(STATIC, { recursive: true });
await Promise.all([
  build({ ...options, minify: true, entryPoints: WIDGETS, outdir: STATIC }),
  build({ ...options, minify: true, entryPoints: { style: 'js/style.css' }, outdir: STATIC }),
  // What JupyterLab shares between extensions stays outside.
  build({ ...options, entryPoints: { index: 'js/lab/index.ts' }, outdir: 'lib', external: ['@jupyterlab/*', '@lumino/*'] }),
  build({ ...options, minify: true, entryPoints: { index: 'js/style.css' }, outdir: 'lib' }),
]);

for (const name of Object.keys(WIDGETS)) {
  const kilobytes = (await stat(`${STATIC}/${name}.js`)).size / 1000;
  console.log(`${STATIC}/${name}.js ${kilobytes.toFixed(0)} kB`);
  if (kilobytes > LIMIT_KB) {
    throw new Error(`${name}.js has ${kilobytes.toFixed(0)} kB; every widget sends its bundle over the comm, ${LIMIT_KB} kB are the limit.`);
  }
}

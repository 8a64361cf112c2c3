// Builds a bundle for each screen into src/nbtrack/static, and the input of @jupyter/builder into lib.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { build } from 'esbuild';
import { LIMIT_KB, options, STATIC, screens, styles, widget } from './options.mjs';

await mkdir(STATIC, { recursive: true });
const [names, style] = await Promise.all([screens(), styles()]);
await Promise.all([
  ...names.map((name) => build({ ...options, minify: true, stdin: widget(name), outfile: `${STATIC}/${name}.js` })),
  build({ ...options, minify: true, stdin: style, outfile: `${STATIC}/style.css` }),
  // JupyterLab provides the packages that its extensions share.
  build({
    ...options,
    entryPoints: { index: 'js/lab/index.ts' },
    outdir: 'lib',
    external: ['@jupyterlab/*', '@lumino/*'],
  }),
  build({ ...options, minify: true, stdin: style, outfile: 'lib/index.css' }),
]);

// Bundles of screens that no longer exist must not get into a wheel.
const stale = (await readdir(STATIC)).filter((file) => file.endsWith('.js') && !names.includes(file.slice(0, -3)));
await Promise.all(stale.map((file) => rm(`${STATIC}/${file}`)));

for (const name of names) {
  const kilobytes = (await stat(`${STATIC}/${name}.js`)).size / 1000;
  console.log(`${STATIC}/${name}.js ${kilobytes.toFixed(0)} kB`);
  if (kilobytes > LIMIT_KB) {
    const size = `${name}.js has ${kilobytes.toFixed(0)} kB, and the limit is ${LIMIT_KB} kB`;
    throw new Error(`${size}: each widget sends its bundle over the comm.`);
  }
}

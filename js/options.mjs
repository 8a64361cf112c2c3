import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

export const STATIC = 'src/nbtrack/static';
/** Until the code is split into chunks that travel once. */
export const LIMIT_KB = 160;
const SCREENS = 'js/screens/index.ts';

/** The options of esbuild for code that runs in a browser. */
export const options = {
  bundle: true,
  target: 'es2022',
  platform: 'browser',
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
};

/** Return the names of the screens, which are the exports of `js/screens/index.ts`. */
export async function screens() {
  const { metafile } = await build({
    ...options,
    entryPoints: [SCREENS],
    outfile: 'screens.js',
    write: false,
    metafile: true,
  });
  return metafile.outputs['screens.js'].exports;
}

/** Return the entry of esbuild for the anywidget module of a screen. */
export function widget(screen) {
  const contents = `import { widget } from './js/widgets/host';
    import { ${screen} } from '${`./${SCREENS}`}';
    export default widget(${screen});`;
  return { contents, resolveDir: '.', loader: 'ts', sourcefile: `${screen}.ts` };
}

/** Return the entry of esbuild for the stylesheet: the shared rules first, then those of each component. */
export async function styles() {
  const files = await filesBelow('js/components', /\.css$/);
  const contents = ['js/style/base.css', ...files].map((file) => `@import './${file}';`).join('\n');
  return { contents, resolveDir: '.', loader: 'css', sourcefile: 'style.css' };
}

/** Return the files below a folder that match a pattern, sorted by path. */
export async function filesBelow(folder, pattern) {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort();
}

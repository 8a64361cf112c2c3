import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

export const STATIC = 'src/nbtrack/static';
export const LIMIT_KB = 120;
const SCREENS = 'js/screens/index.ts';

/** esbuild's options for everything that runs in a browser. */
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

/** The names of the screens: what `js/screens/index.ts` exports. */
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

/** The anywidget module of one screen, as esbuild's entry. */
export function widget(screen) {
  const contents = `import { widget } from './js/widgets/host';
    import { ${screen} } from '${`./${SCREENS}`}';
    export default widget(${screen});`;
  return { contents, resolveDir: '.', loader: 'ts', sourcefile: `${screen}.ts` };
}

/** The stylesheet of all screens, as esbuild's entry: what is shared, then each component's own. */
export async function styles() {
  const files = await filesBelow('js/components', /\.css$/);
  const contents = ['js/style/base.css', ...files].map((file) => `@import './${file}';`).join('\n');
  return { contents, resolveDir: '.', loader: 'css', sourcefile: 'style.css' };
}

/** The files below a folder whose names match, in the order of their paths. */
export async function filesBelow(folder, pattern) {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort();
}

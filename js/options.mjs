import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

export const STATIC = 'src/nbtrack/static';
const SCREENS = 'js/screens/index.ts';

/**
 * What uPlot has and no chart uses. js/chart draws the curves and the legend itself, and has neither scatter plots nor other
 * scales than linear and logarithmic ones. esbuild leaves out what nothing refers to any more.
 */
const UNUSED_OF_UPLOT = [
  [/\nuPlot\.assign = assign;.*?(?=\nexport )/s, ''],
  ['const linearPath = linear() ;', 'const linearPath = null;'],
  ['const pointsPath = points() ;', 'const pointsPath = null;'],
  ['const showLegend = legend.show;', ''],
  [/\bshowLegend\b/g, 'false'],
  [/\bmode == 1\b/g, 'true'],
  [/\bmode == 2\b/g, 'false'],
  [/\bdistr == (2|4|100)\b/g, 'false'],
];

const unusedOfUPlot = {
  name: 'unused-of-uplot',
  setup(building) {
    building.onLoad({ filter: /uPlot\.esm\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, 'utf8');
      for (const [part, replacement] of UNUSED_OF_UPLOT) {
        const rest = contents.replace(part, replacement);
        if (rest === contents) {
          throw new Error(`uPlot has changed: it does not have ${part}. Correct UNUSED_OF_UPLOT.`);
        }
        contents = rest;
      }
      return { contents };
    });
  },
};

/** The options of esbuild for code that runs in a browser. */
export const options = {
  bundle: true,
  target: 'es2022',
  platform: 'browser',
  format: 'esm',
  // Calls of h are shorter than those of the automatic runtime, in which children have a name.
  tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
  inject: ['js/jsx.ts'],
  // Signs such as → are shorter than their escapes.
  charset: 'utf8',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [unusedOfUPlot],
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

/** Return the entry of esbuild for the loader, which is the anywidget module of every widget. */
export function loaderEntry() {
  return { contents: "export { default } from './js/widgets/loader';", resolveDir: '.', loader: 'ts' };
}

/** Return the entry of esbuild for all screens in one module, for pages on which the loader cannot work. */
export function bundleEntry() {
  return { contents: "export { default } from './js/widgets/bundle';", resolveDir: '.', loader: 'ts' };
}

/** Return the code of the screens in chunks, by file name, and a manifest that the loader and Python read. */
export async function chunks(names, style) {
  const { outputFiles, metafile } = await build({
    ...options,
    minify: true,
    splitting: true,
    entryPoints: names.map((name) => ({ in: `screen:${name}`, out: name })),
    plugins: [screenEntries, ...options.plugins],
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    outdir: 'chunks',
    write: false,
    metafile: true,
  });
  const version = createHash('sha256').update(style);
  for (const { text } of [...outputFiles].sort((a, b) => a.path.localeCompare(b.path))) {
    version.update(text);
  }
  const manifest = { version: version.digest('hex').slice(0, 16), style: 'style.css', screens: {}, imports: {} };
  const sources = { [manifest.style]: style };
  for (const [path, { imports, entryPoint }] of Object.entries(metafile.outputs)) {
    const name = basename(path);
    const file = outputFiles.find((output) => basename(output.path) === name);
    sources[name] = linked(file.text, imports, manifest.version);
    const own = imports.filter(({ kind }) => kind === 'import-statement').map((imported) => basename(imported.path));
    if (own.length > 0) {
      manifest.imports[name] = own;
    }
    if (entryPoint?.startsWith('screen:')) {
      manifest.screens[entryPoint.slice('screen:'.length)] = name;
    }
  }
  return { manifest, sources };
}

/**
 * Return the code of a chunk in which other chunks are named for the loader: `nbtrack:NAME` stands for the URL of a
 * chunk that is imported first, and a chunk that is imported later is asked of the page's chunks (widgets/chunks.ts).
 */
function linked(source, imports, version) {
  let code = source;
  for (const { path, kind } of imports) {
    const name = basename(path);
    const specifier = `"./${name}"`;
    const [old, replacement] =
      kind === 'dynamic-import'
        ? [`import(${specifier})`, `globalThis[Symbol.for("nbtrack.chunks.${version}")].load("${name}")`]
        : [specifier, `"nbtrack:${name}"`];
    // A chunk that is imported in several places is listed as often.
    if (!code.includes(old) && !code.includes(replacement)) {
      throw new Error(`The import of ${name} was not found in the code that esbuild wrote.`);
    }
    code = code.replaceAll(old, replacement);
  }
  return code;
}

/** The entry of a screen, whose file in js/screens has its name: its anywidget module. */
const screenEntries = {
  name: 'screens',
  setup(building) {
    building.onResolve({ filter: /^screen:/ }, ({ path }) => ({ path: path.slice(7), namespace: 'screen' }));
    building.onLoad({ filter: /./, namespace: 'screen' }, ({ path }) => ({
      contents: `import { widget } from './js/widgets/host';
        import { ${path} } from './js/screens/${path}';
        export default widget(${path});`,
      resolveDir: '.',
      loader: 'ts',
    }));
  },
};

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

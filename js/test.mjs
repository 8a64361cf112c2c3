// Compiles the specs with esbuild and runs them with the test runner of Node.js: *.spec.ts in plain Node.js, *.spec.tsx,
// which render components, in a DOM. `npm test -- query_box` runs the specs whose path contains "query_box".
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { filesBelow, options } from './options.mjs';

const COMPONENT_FILES = 2;
const wanted = process.argv[2] ?? '';
// Inside node_modules, so that the compiled specs find the packages that are not bundled.
const folder = await mkdtemp('node_modules/.specs-');

/** Compile specs into one file, because starting Node.js for each spec takes longer than running it. */
async function compile(name, pattern, setup = [], part = 0, parts = 1) {
  const matching = (await filesBelow('js', pattern)).filter((path) => path.includes(wanted));
  const specs = matching.filter((_, index) => index % parts === part);
  if (specs.length === 0) {
    return [];
  }
  const contents = [...setup, ...specs].map((path) => `import './${path}';`).join('\n');
  const outfile = join(folder, `${name}.mjs`);
  await build({
    ...options,
    platform: 'node',
    stdin: { contents, resolveDir: '.', loader: 'ts' },
    outfile,
    external: ['@happy-dom/*'],
    // Dependencies of the testing library call require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    define: {},
    // "sideEffects" in package.json is for the bundles. A spec is imported for its side effects only.
    ignoreAnnotations: true,
    sourcemap: 'inline',
  });
  return [outfile];
}

try {
  // The specs of components mostly wait, for pauses in typing and for buttons that are dead at first.
  const components = [...Array(COMPONENT_FILES).keys()].map((part) =>
    compile(`components-${part}`, /\.spec\.tsx$/, ['js/testing/dom.ts'], part, COMPONENT_FILES),
  );
  const files = (await Promise.all([compile('logic', /\.spec\.ts$/), ...components])).flat();
  const flags = ['--enable-source-maps', '--test', '--test-reporter=spec', `--test-concurrency=${files.length}`];
  // How many characters of the document the testing library prints if a query finds nothing.
  const env = { DEBUG_PRINT_LIMIT: '1500', ...process.env };
  const { status } = spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit', env });
  process.exitCode = files.length > 0 ? (status ?? 1) : 1;
} finally {
  await rm(folder, { recursive: true });
}

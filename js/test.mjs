// Compiles the specs with esbuild and runs them with the test runner of Node.js: *.spec.ts in plain Node.js, *.spec.tsx,
// which render components, in a DOM. `npm test -- query_box` runs the specs whose path contains "query_box".
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { filesBelow, options } from './options.mjs';

const wanted = process.argv[2] ?? '';
// Inside node_modules, so that the compiled specs find the packages that are not bundled.
const folder = await mkdtemp('node_modules/.specs-');

/** Compile all specs into one file, because starting Node.js for each spec takes longer than running it. */
async function compile(name, pattern, setup = []) {
  const specs = (await filesBelow('js', pattern)).filter((path) => path.includes(wanted));
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
  const files = [
    ...(await compile('logic', /\.spec\.ts$/)),
    ...(await compile('components', /\.spec\.tsx$/, ['js/testing/dom.ts'])),
  ];
  const flags = ['--enable-source-maps', '--test', '--test-reporter=spec'];
  // How many characters of the document the testing library prints if a query finds nothing.
  const env = { DEBUG_PRINT_LIMIT: '1500', ...process.env };
  const { status } = spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit', env });
  process.exitCode = files.length > 0 ? (status ?? 1) : 1;
} finally {
  await rm(folder, { recursive: true });
}

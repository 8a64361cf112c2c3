// Compiles js/test/*.spec.ts with esbuild and runs them with node's own test runner.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { options } from './options.mjs';

const folder = await mkdtemp(join(tmpdir(), 'nbtrack-js-'));
const specs = (await readdir('js/test')).filter((name) => name.endsWith('.spec.ts'));
await build({
  ...options,
  platform: 'node',
  entryPoints: specs.map((name) => join('js/test', name)),
  outdir: folder,
  outExtension: { '.js': '.mjs' },
});
const files = specs.map((name) => join(folder, name.replace(/\.ts$/, '.mjs')));
const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
await rm(folder, { recursive: true });
process.exit(status ?? 1);

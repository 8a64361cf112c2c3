export const STATIC = 'src/nbtrack/static';
export const LIMIT_KB = 120;
export const WIDGETS = {
  live_run: 'js/widgets/live_run.tsx',
  comparison: 'js/widgets/comparison.tsx',
  registry_board: 'js/widgets/registry_board.tsx',
};

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

/** What JSX is compiled to, for every file: esbuild imports these where they are used. */
export { Fragment, h } from 'preact';

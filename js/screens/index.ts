/**
 * All screens, by the names that saved notebooks use. To add a screen, add a line here: its widget bundle
 * (`static/NAME.js`, see js/build.mjs) and its saved view in JupyterLab are made from this list.
 */
export { comparison } from './comparison';
export { live } from './live';
export { registry } from './registry';
export { run_page } from './run_page';

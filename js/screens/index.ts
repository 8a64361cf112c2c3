/**
 * Every screen, by the name that saved notebooks know it by. A new screen is one line here: the widget's bundle
 * (`static/NAME.js`, see js/build.mjs) and the saved view of JupyterLab come from this list.
 */
export { comparison } from './comparison';
export { live } from './live';
export { registry } from './registry';

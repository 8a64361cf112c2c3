/** The forms that change the registry. They share their code, so they are loaded together when the first is opened. */
export { ActionPanel } from '../registry_board/action_panel';
export { VersionLabels } from '../registry_board/version_labels';
export { RegisterForm } from './register_form';

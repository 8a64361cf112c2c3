import { RegistryBoard } from '../components/registry_board/registry_board';
import type { Screen } from './screen';

interface Options {
  /** The model to show. Null shows all models. */
  name: string | null;
}

export const registry: Screen<Options> = {
  render: ({ connection, options }) => <RegistryBoard connection={connection} name={options.name ?? null} />,
};

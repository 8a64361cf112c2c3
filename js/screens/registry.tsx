import { RegistryBoard } from '../components/registry_board/registry_board';
import type { Screen } from './screen';

interface Options {
  /** The one model to show; null for all. */
  name: string | null;
}

export const registry: Screen<Options> = {
  render: ({ connection, options }) => <RegistryBoard connection={connection} name={options.name ?? null} />,
};

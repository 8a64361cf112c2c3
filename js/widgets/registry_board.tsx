import { RegistryBoard } from '../components/registry_board';
import { widget } from './host';

export default widget(({ model, connection }) => (
  <RegistryBoard connection={connection} name={model.get('_snapshot').options.name ?? null} />
));

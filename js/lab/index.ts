import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { MIME, SavedViewRenderer } from './renderer';

/** Lower than the widget manager's rank, so that a saved notebook shows its saved view and not an error. */
const RANK = -20;

const extension: IRenderMime.IExtension = {
  id: 'nbtrack:saved-view',
  description: 'Shows nbtrack widgets that were saved in a notebook.',
  rendererFactory: {
    safe: true,
    mimeTypes: [MIME],
    createRenderer: () => new SavedViewRenderer(),
  },
  rank: RANK,
  dataType: 'json',
};

export default extension;

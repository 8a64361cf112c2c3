import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { MIME, SavedViewRenderer } from './renderer';

/** Before the widget manager, so that a saved notebook shows its saved view instead of an error. */
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

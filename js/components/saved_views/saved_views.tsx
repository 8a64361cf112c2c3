import type { Connection } from '../../connection/connection';
import type { View } from '../../state/view';
import { lazy } from '../lazy/lazy';
import { Popover } from '../popover/popover';

const SavedViewsPanel = lazy('the saved views', () => import('./panel').then((code) => code.SavedViewsPanel));

interface Props {
  connection: Connection;
  view: View;
}

/** A button that opens the views that were saved in the store. */
export function SavedViews({ connection, view }: Props) {
  return (
    <Popover button="Views…" label="Saved views" width={340}>
      {(close) => <SavedViewsPanel connection={connection} view={view} close={close} />}
    </Popover>
  );
}

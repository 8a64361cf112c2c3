import { grouped, plural } from '../../logic/format';

/** How many rows of a table were saved, if not all of them. */
export interface Kept {
  rows: number;
  total: number;
  noun: string;
}

interface Props {
  kept?: Kept | null;
}

/** Tells the user that the screen shows what was saved with the notebook, and that no kernel answers. */
export function SavedNote({ kept }: Props) {
  return (
    <p class="nbt-saved-note">
      Saved with the notebook.{' '}
      {kept && `The first ${grouped(kept.rows)} of ${plural(kept.total, kept.noun)} were kept. `}
      Run the cell to query, compare and promote.
    </p>
  );
}

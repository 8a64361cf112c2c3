import { grouped, plural } from '../../logic/format';

interface Props {
  /** How many runs were saved, if not all of them. */
  kept?: { rows: number; total: number } | null;
}

/** Tells the user that the screen shows what was saved with the notebook, and that no kernel answers. */
export function SavedNote({ kept }: Props) {
  return (
    <p class="nbt-saved-note">
      Saved with the notebook. {kept && `The first ${grouped(kept.rows)} of ${plural(kept.total, 'run')} were kept. `}
      Run the cell to query, compare and promote.
    </p>
  );
}

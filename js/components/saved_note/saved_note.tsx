/** Tells the user that the screen shows what was saved with the notebook, and that no kernel answers. */
export function SavedNote() {
  return <p class="nbt-saved-note">Saved with the notebook. Run the cell to query, compare and promote.</p>;
}

/** Says that nobody answers here: the data is what the notebook kept. */
export function SavedNote() {
  return <p class="nbt-saved-note">Saved with the notebook. Run the cell to query, compare and promote.</p>;
}

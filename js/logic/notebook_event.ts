/** The event by which a screen asks the notebook around it for a new cell. JupyterLab's renderer handles it. */
export const INSERT_CELL = 'nbtrack-insert-cell';

/** Insert a cell with this code below the cell of an element. Returns false if the page around it cannot do that. */
export function insertCellBelow(element: Element, source: string): boolean {
  // The event leaves the shadow root of a widget, if there is one. Who handles it prevents its default.
  const event = new CustomEvent(INSERT_CELL, { bubbles: true, composed: true, cancelable: true, detail: source });
  return !element.dispatchEvent(event);
}

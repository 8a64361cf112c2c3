import type { PanelView } from '../contract';
import { NEW_PANEL, type Part, type View } from './view';

/** The charts of a comparison. */
export class Panels {
  readonly all: Part<PanelView[]>;

  constructor(private readonly view: View) {
    this.all = view.part('panels');
  }

  /** Return a chart by its position. It is added to the view when one of its fields is set. */
  panel(index: number): Part<PanelView> {
    return this.view.derived(
      ({ panels }) => panels[index] ?? NEW_PANEL,
      (panel, { panels }) => ({ panels: Object.assign([...panels], { [index]: panel }) }),
    );
  }

  /** Return a field of a chart as a value of its own. */
  field<K extends keyof PanelView>(index: number, name: K): Part<PanelView[K]> {
    const panel = this.panel(index);
    return this.view.derived(
      ({ panels }) => (panels[index] ?? NEW_PANEL)[name],
      (value, { panels }) => ({ panels: Object.assign([...panels], { [index]: { ...panel.peek(), [name]: value } }) }),
    );
  }
}

import { computed } from '@preact/signals';
import { MOST_PANELS, type PanelView } from '../contract';
import { NEW_PANEL, type Part, same, type View } from './view';

/** The charts of a comparison. There is always one. */
export class Panels {
  readonly all: Part<PanelView[]>;
  /** Whether charts with the same x axis share their zoom and their cursor. */
  readonly shared: Part<boolean>;
  /** A number for each chart, which it keeps when charts are moved or removed. */
  readonly ids = computed(() => this.identify(Math.max(1, this.all.value.length)));

  /** The charts that were added on this screen and have shown no points so far. */
  private readonly added = new Set<number>();
  private identified: readonly number[] = [];
  private next = 0;

  constructor(private readonly view: View) {
    this.all = view.part('panels');
    this.shared = view.part('shared_x');
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

  /** Change some fields of a chart. On another x axis it has the zoom of the charts that share it. */
  change(index: number, fields: Partial<PanelView>): void {
    const list = this.list();
    const [before, changed] = [list[index]!, { ...list[index]!, ...fields }];
    if (!isSameAxis(before, changed)) {
      const other = this.shared.peek() && list.find((panel, i) => i !== index && isSameAxis(panel, changed));
      Object.assign(changed, { x_min: other ? other.x_min : null, x_max: other ? other.x_max : null });
    }
    this.all.value = list.map((panel, i) => (i === index ? changed : panel));
  }

  /** Show a window of the x axis, or all of it, in a chart and in those that share its axis. */
  zoom(index: number, range: readonly [number, number] | null): void {
    const list = this.list();
    const [x_min, x_max] = range ?? [null, null];
    const isZoomed = (panel: PanelView, i: number) =>
      i === index || (this.shared.peek() && isSameAxis(panel, list[index]!));
    this.all.value = list.map((panel, i) => (isZoomed(panel, i) ? { ...panel, x_min, x_max } : panel));
  }

  /** Let charts with the same x axis share their zoom, which is that of the first of them, or stop that. */
  share(on: boolean): void {
    const list = this.list();
    const panels = list.map((panel) => {
      const { x_min, x_max } = list.find((other) => isSameAxis(other, panel))!;
      return { ...panel, x_min, x_max };
    });
    this.view.set({ shared_x: on, ...(on && { panels }) });
  }

  add(metrics: readonly string[]): void {
    const list = this.list();
    if (list.length < MOST_PANELS) {
      const first = list[0]!;
      const zoom = this.shared.peek() && isSameAxis(first, NEW_PANEL) ? { x_min: first.x_min, x_max: first.x_max } : {};
      this.all.value = [...list, { ...NEW_PANEL, ...zoom, metrics: [...metrics] }];
      this.added.add(this.ids.peek().at(-1)!);
    }
  }

  /** Return whether a chart was added on this screen and has not been asked about since. */
  isFirstSight(id: number): boolean {
    return this.added.delete(id);
  }

  /** Remove a chart, and return it. */
  remove(index: number): PanelView {
    const removed = this.list()[index]!;
    this.identified = this.ids.peek().filter((_, i) => i !== index);
    this.all.value = this.list().filter((_, i) => i !== index);
    return removed;
  }

  /** Put a chart that was removed back to its place. */
  restore(index: number, panel: PanelView): void {
    const list = this.list();
    if (list.length < MOST_PANELS) {
      const inserted = <T>(items: readonly T[], item: T) => [...items.slice(0, index), item, ...items.slice(index)];
      this.identified = inserted(this.ids.peek(), this.next++);
      this.all.value = inserted(list, panel);
    }
  }

  /** Move a chart to another position. Those between move by one. */
  move(from: number, to: number): void {
    const moved = <T>(items: readonly T[]) => {
      const others = items.filter((_, i) => i !== from);
      return [...others.slice(0, to), items[from]!, ...others.slice(to)];
    };
    const list = this.list();
    if (from !== to && to >= 0 && to < list.length) {
      this.identified = moved(this.ids.peek());
      this.all.value = moved(list);
    }
  }

  private list(): PanelView[] {
    const list = this.all.peek();
    return list.length > 0 ? list : [NEW_PANEL];
  }

  private identify(count: number): readonly number[] {
    const ids = this.identified.slice(0, count);
    while (ids.length < count) {
      ids.push(this.next++);
    }
    this.identified = ids;
    return ids;
  }
}

/** Whether two charts have the same x axis, so that a window of one means something in the other. */
export function isSameAxis(a: PanelView, b: PanelView): boolean {
  return same([a.x_axis, a.x_metric], [b.x_axis, b.x_metric]) || (a.x_metric !== null && a.x_metric === b.x_metric);
}

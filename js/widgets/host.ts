import type { AnyModel, RenderProps } from '@anywidget/types';
import { effect, type Signal, signal } from '@preact/signals';
import { KernelConnection, type WidgetState } from '../connection/kernel';
import { mount } from '../screens/mount';
import type { Screen } from '../screens/screen';

/** Return the anywidget module that shows a screen. */
export function widget<Options>(screen: Screen<Options>) {
  return {
    render({ model, el, signal: viewSignal }: RenderProps<WidgetState>) {
      // Hosts older than anywidget 0.10 give no signal: there, only the returned function ends the view.
      const ended = new AbortController();
      viewSignal?.addEventListener('abort', () => ended.abort());
      const connection = new KernelConnection(model, ended.signal);
      const options = model.get('_snapshot').options as Partial<Options>;
      const synced = <K extends keyof Options>(name: K, fallback: Options[K]) => {
        const trait = screen.traits?.[name];
        return trait ? traitSignal<Options[K]>(model, trait, ended.signal) : signal(options[name] ?? fallback);
      };
      const unmount = mount(el, screen.render({ connection, options, synced }));
      return () => {
        unmount();
        ended.abort();
      };
    },
  };
}

/** Return a signal that follows a trait. Values that the screen sets are written back to the trait. */
function traitSignal<T>(model: AnyModel, name: string, ended: AbortSignal): Signal<T> {
  const value = signal(model.get(name) as T);
  const follow = () => {
    value.value = model.get(name);
  };
  model.on(`change:${name}`, follow);
  const stop = effect(() => {
    if (JSON.stringify(model.get(name)) !== JSON.stringify(value.value)) {
      model.set(name, value.value);
      model.save_changes();
    }
  });
  ended.addEventListener('abort', () => {
    model.off(`change:${name}`, follow);
    stop();
  });
  return value;
}

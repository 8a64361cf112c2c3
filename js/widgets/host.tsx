import type { AnyModel, RenderProps } from '@anywidget/types';
import { effect, type Signal, signal } from '@preact/signals';
import { KernelLost } from '../components/kernel_lost/kernel_lost';
import { KERNEL_LOST, KernelConnection, type WidgetState } from '../connection/kernel';
import { SavedConnection } from '../connection/saved';
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
      followKernel(model, el, connection, ended.signal);
      const saved = () => {
        // With signals of its own: nothing that the user changes there goes to the model, which has no kernel.
        const own = <K extends keyof Options>(name: K, fallback: Options[K]) => signal(options[name] ?? fallback);
        return screen.render({ connection: new SavedConnection(model.get('_snapshot')), options, synced: own });
      };
      const unmount = mount(
        el,
        <KernelLost lost={connection.lost} reconnect={() => connection.reconnect()} saved={saved}>
          {screen.render({ connection, options, synced })}
        </KernelLost>,
      );
      return () => {
        unmount();
        ended.abort();
      };
    },
  };
}

/** Tell the connection when the kernel is gone. */
function followKernel(model: AnyModel, el: HTMLElement, connection: KernelConnection, ended: AbortSignal): void {
  const lose = () => {
    connection.lost.value = true;
  };
  // Jupyter's widget manager emits this event of the model, and marks the view if the kernel restarts.
  const update = () => {
    if (el.closest('.jupyter-widgets-disconnected')) {
      lose();
    } else if (connection.lost.peek()) {
      void connection.reconnect();
    }
  };
  model.on('comm_live_update' as never, update as never);
  el.addEventListener(KERNEL_LOST, lose, { signal: ended });
  ended.addEventListener('abort', () => model.off('comm_live_update' as never, update as never));
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

import type { AnyModel, RenderProps } from '@anywidget/types';
import { effect, signal, type Signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { mount } from '../components/mount';
import type { Connection } from '../connection/connection';
import { KernelConnection, type WidgetState } from '../connection/kernel';

export interface Host {
  model: AnyModel<WidgetState>;
  connection: Connection;
  signal: AbortSignal;
}

/** An anywidget entry that mounts one component on the kernel's connection. */
export function widget(content: (host: Host) => ComponentChild) {
  return {
    render({ model, el, signal: given }: RenderProps<WidgetState>) {
      // Hosts older than anywidget 0.10 give no signal: then the returned function is the only end.
      const ended = new AbortController();
      given?.addEventListener('abort', () => ended.abort());
      const connection = new KernelConnection(model, ended.signal);
      const unmount = mount(el, content({ model, connection, signal: ended.signal }));
      return () => {
        unmount();
        ended.abort();
      };
    },
  };
}

/** A signal that follows a trait, and writes what the screen sets back to it. */
export function trait<K extends keyof WidgetState>({ model, signal: ended }: Host, name: K): Signal<WidgetState[K]> {
  const value = signal(model.get(name));
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

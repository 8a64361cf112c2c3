import type { Signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import type { Connection } from '../connection/connection';

/** What a host (a widget or a saved notebook) provides for its screen. */
export interface ScreenHost<Options> {
  connection: Connection;
  /** The options that Python opened the screen with. */
  options: Partial<Options>;
  /** Return a signal of an option that Python or the user may change while the screen is shown. */
  synced<K extends keyof Options>(name: K, fallback: Options[K]): Signal<Options[K]>;
}

/** A screen, which creates its state and its component from what the host provides. */
export interface Screen<Options> {
  /** The names of the widget's traits that hold synced options. */
  traits?: { readonly [K in keyof Options]?: string };
  render(host: ScreenHost<Options>): ComponentChild;
}

import type { Signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import type { Connection } from '../connection/connection';

/** What a host (a widget, a saved notebook) gives the screen that it shows. */
export interface ScreenHost<Options> {
  connection: Connection;
  /** How Python opened the screen. */
  options: Partial<Options>;
  /** An option that changes while the screen is shown, by Python or by the user. */
  synced<K extends keyof Options>(name: K, fallback: Options[K]): Signal<Options[K]>;
}

/** A screen: its component, and how the state of that is created from what a host gives. */
export interface Screen<Options> {
  /** For each synced option, the trait of the widget that holds it. */
  traits?: { readonly [K in keyof Options]?: string };
  render(host: ScreenHost<Options>): ComponentChild;
}

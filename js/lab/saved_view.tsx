import { signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { SavedConnection } from '../connection/saved';
import type { Snapshot } from '../connection/snapshot';
import * as screens from '../screens';
import type { Screen } from '../screens/screen';

type AnyScreen = Screen<Record<string, unknown>>;

/** The screen of a saved view, on the data that the notebook kept. */
export function savedView(snapshot: Snapshot): ComponentChild {
  // Object.entries, because a notebook may name any property of an object.
  const screen = Object.entries(screens).find(([name]) => name === snapshot.view)?.[1] as AnyScreen | undefined;
  if (!screen) {
    return <p class="nbt-empty">This view was saved by a newer version of nbtrack.</p>;
  }
  const options = snapshot.options ?? {};
  const synced = (name: string, fallback: unknown) => signal(options[name] ?? fallback);
  return screen.render({ connection: new SavedConnection(snapshot), options, synced });
}

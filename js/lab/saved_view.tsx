import { signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { SavedConnection } from '../connection/saved';
import type { Snapshot } from '../connection/snapshot';
import * as screens from '../screens';
import type { Screen } from '../screens/screen';

type AnyScreen = Screen<Record<string, unknown>>;

/** Return the screen of a saved view, which shows the data that was saved with the notebook. */
export function savedView(snapshot: Snapshot): ComponentChild {
  // Look among the entries, because a notebook may name any property of an object, such as "constructor".
  const screen = Object.entries(screens).find(([name]) => name === snapshot.view)?.[1] as AnyScreen | undefined;
  if (!screen) {
    return <p class="nbt-empty">This view was saved by a newer version of nbtrack. Update nbtrack to see it.</p>;
  }
  const options = snapshot.options ?? {};
  const synced = (name: string, fallback: unknown) => signal(options[name] ?? fallback);
  return screen.render({ connection: new SavedConnection(snapshot), options, synced });
}

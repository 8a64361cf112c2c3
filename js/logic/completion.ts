import type { Completion } from '../contract';

/** Convert UTF-16 units, which JavaScript counts, to characters, which the kernel counts: an emoji is 2 units. */
export function toCharacters(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}

export function toUnits(text: string, characters: number): number {
  return [...text].slice(0, characters).join('').length;
}

/** Insert a completion and return the text with the new cursor. A space is added if another word may follow. */
export function insert(text: string, completion: Completion): { text: string; cursor: number } {
  const before = text.slice(0, toUnits(text, completion.start));
  const after = text.slice(toUnits(text, completion.end));
  const head = before + completion.text;
  const goesOn = /[.(]$/.test(completion.text) || (completion.kind === 'value' && /\bin\s*\([^)]*$/i.test(before));
  if (goesOn || /^[),]/.test(after)) {
    return { text: head + after, cursor: head.length };
  }
  return { text: head + (/^\s/.test(after) ? '' : ' ') + after, cursor: head.length + 1 };
}

/**
 * Return whether the list should open while the user types. It should not if it only offers AND and OR after a complete
 * comparison, or the word that is already there.
 */
export function isHelpful(text: string, completions: readonly Completion[]): boolean {
  if (completions.every((each) => each.kind === 'keyword' && each.start === each.end)) {
    return /\s$/.test(text.slice(0, toUnits(text, completions[0]?.start ?? 0)));
  }
  const [only] = completions;
  return !(
    only &&
    completions.length === 1 &&
    only.text === text.slice(toUnits(text, only.start), toUnits(text, only.end))
  );
}

/** Replace a key of a filter, such as `metrics.acc`, however it is quoted. Keys that only begin with it stay. */
export function replaceKey(filter: string, key: string, name: string): string {
  const [entity, rest] = [key.slice(0, key.indexOf('.') + 1), key.slice(key.indexOf('.') + 1)];
  const plain = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  const word = plain(rest);
  const found = new RegExp(`(?<![\\w.])${plain(entity)}(?:\`${word}\`|"${word}"|${word}(?![\\w./-]))`, 'g');
  return filter.replace(found, () => name);
}

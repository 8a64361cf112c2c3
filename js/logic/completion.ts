import type { Completion } from '../contract';

/** The kernel counts characters, JavaScript UTF-16 units: an emoji is one of those and two of these. */
export function toCharacters(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}

export function toUnits(text: string, characters: number): number {
  return [...text].slice(0, characters).join('').length;
}

/** The text with a completion in it, and where the cursor goes; a space follows where another word would run into it. */
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

/** Whether a list is worth opening by itself: not for AND and OR behind a comparison that is whole, nor for what stands there. */
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

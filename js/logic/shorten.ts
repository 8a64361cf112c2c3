/** Shorten a name in its middle, because names of one project often differ only at their ends. */
export function shorten(name: string, most: number): string {
  const characters = [...name];
  if (characters.length <= most) {
    return name;
  }
  const tail = Math.max(1, Math.floor((most - 1) / 2));
  return `${characters.slice(0, Math.max(1, most - 1 - tail)).join('')}…${characters.slice(-tail).join('')}`;
}

/** Return the part of a name before its last slash, with the slash: the prefix `val/` of `val/loss`. */
export function prefixOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** What all names of a list begin and end with. A name is told from the others by what is between. */
export interface Common {
  prefix: string;
  suffix: string;
}

const WORDS = /[\p{L}\p{N}_.]+|[^\p{L}\p{N}_.]+/gu;

/** Return the words that all names begin and end with. Of each name at least a word is left. */
export function commonParts(names: Iterable<string>): Common {
  const all = [...new Set(names)].map((name) => name.match(WORDS) ?? []);
  const [first = []] = all;
  const shared = (most: number, word: (words: readonly string[], i: number) => string | undefined) => {
    let count = 0;
    while (count < most && all.every((words) => word(words, count) === word(first, count))) {
      count += 1;
    }
    return count;
  };
  // A single name has nothing in common with others.
  const most = all.length < 2 ? 0 : all.reduce((least, { length }) => Math.min(least, length), first.length) - 1;
  const start = shared(most, (words, i) => words[i]);
  const end = shared(most - start, (words, i) => words[words.length - 1 - i]);
  return { prefix: first.slice(0, start).join(''), suffix: first.slice(first.length - end).join('') };
}

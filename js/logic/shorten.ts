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

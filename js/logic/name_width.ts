/** The widths of a character of a name in px: of plain and of bold text, and of scripts with wide characters. */
const PLAIN = 7;
const BOLD = 7.6;
const WIDE = 14;
const FIRST_WIDE = 0x1100;
const LEAST = 200;
const MOST = 320;
/** In a narrow table the names leave most of the width to the values. */
const NARROW = 520;
const LEAST_IN_NARROW = 120;
const MOST_SHARE = 0.45;
/** More characters of a name are not measured, because no name gets room for them. */
const MEASURED = 64;

/** Return about how wide a name is in px. It is estimated, because measuring it would make the browser lay out the page. */
export function textWidth(name: string, bold = false): number {
  let width = 0;
  for (const character of name.slice(0, MEASURED)) {
    width += character.codePointAt(0)! >= FIRST_WIDE ? WIDE : bold ? BOLD : PLAIN;
  }
  return width;
}

/** Return the width of a column of names, the widest of which takes `content` px, in a table of some width. */
export function nameWidth(content: number, tableWidth: number): number {
  const least = tableWidth < NARROW ? LEAST_IN_NARROW : LEAST;
  const most = Math.max(least, Math.min(MOST, tableWidth * MOST_SHARE));
  return Math.round(Math.max(least, Math.min(most, content)));
}

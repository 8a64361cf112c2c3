/** Return cells as tab-separated values. */
export function toTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map((text) => harmless(text.replace(/[\t\r\n]+/g, ' '))).join('\t')).join('\n');
}

/** Return cells as a CSV file (RFC 4180). */
export function toCsv(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => `${row.map((text) => cell(harmless(text))).join(',')}\r\n`).join('');
}

/** Return a cell that a spreadsheet does not run: one that begins like a formula gets a quote. */
function harmless(text: string): string {
  return /^\s*[=+\-@]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text;
}

/** Return cells as a table in Markdown. The first row is the header. Numbers are aligned to the right. */
export function toMarkdown(rows: readonly (readonly string[])[], numeric: readonly boolean[]): string {
  const cell = (text: string) => text.replace(/[\\|<>&~`*_[\]]/g, '\\$&').replace(/[\r\n]+/g, ' ');
  const [head = [], ...others] = rows.map((row) => `| ${row.map(cell).join(' | ')} |`);
  return [head, `|${numeric.map((isNumber) => (isNumber ? ' ---: |' : ' --- |')).join('')}`, ...others].join('\n');
}

/** Return cells as tab-separated values. Spreadsheets would run a cell that begins like a formula, so it gets a quote. */
export function toTsv(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => {
    const line = text.replace(/[\t\r\n]+/g, ' ');
    return /^[=+\-@]/.test(line) && !Number.isFinite(Number(line)) ? `'${line}` : line;
  };
  return rows.map((row) => row.map(cell).join('\t')).join('\n');
}

/** Return cells as a table in Markdown. The first row is the header. Numbers are aligned to the right. */
export function toMarkdown(rows: readonly (readonly string[])[], numeric: readonly boolean[]): string {
  const cell = (text: string) => text.replace(/[\\|<>&~`*_[\]]/g, '\\$&').replace(/[\r\n]+/g, ' ');
  const [head = [], ...others] = rows.map((row) => `| ${row.map(cell).join(' | ')} |`);
  return [head, `|${numeric.map((isNumber) => (isNumber ? ' ---: |' : ' --- |')).join('')}`, ...others].join('\n');
}

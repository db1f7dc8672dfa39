/** A table as Markdown. Cells may contain Markdown; a bar in them is escaped. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Words as code, separated by commas. */
export function code(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

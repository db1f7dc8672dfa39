/** The value below which a share of the samples lies, by the nearest rank. @param share in (0, 1] @throws RangeError without samples */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

/** One line of the table that a benchmark prints. */
export interface Measurement {
  readonly what: string;
  readonly measured: string;
  /** The goal, or what was measured beside it in the same run. */
  readonly reference: string;
  /** How both compare, where it is no matter of looking. */
  readonly ratio?: string;
  /** What is asked for and whether it is met, where that has a column of its own. */
  readonly goal?: string;
}

/** A Markdown table; ratios and goals have columns where there are any. */
export function tableOf(rows: readonly Measurement[]): string {
  const columns: readonly (readonly [head: string, cell: (row: Measurement) => string | undefined])[] = [
    ['what', ({ what }) => what],
    ['measured', ({ measured }) => measured],
    ['reference', ({ reference }) => reference],
    ['ratio (of each pair of turns)', ({ ratio }) => ratio],
    ['goal', ({ goal }) => goal],
  ];
  const shown = columns.filter(([, cell], index) => index < 3 || rows.some((row) => cell(row) !== undefined));
  return markdownTable(
    shown.map(([head]) => head),
    rows.map((row) => shown.map(([, cell]) => cell(row) ?? '')),
  );
}

/** A Markdown table whose columns stand below each other, as the documentation has them. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

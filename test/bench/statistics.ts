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
}

/** A Markdown table. */
export function tableOf(rows: readonly Measurement[]): string {
  const lines = rows.map((row) => `| ${row.what} | ${row.measured} | ${row.reference} |`);
  return ['| what | measured | reference |', '|---|---|---|', ...lines].join('\n');
}

/** What a probe has come to so far. */
export interface ProbeCount {
  /** Answers of the same kind in a row. */
  readonly inARow: number;
  readonly lastGood: boolean | null;
  /** The result that counts; null until a threshold has been reached. */
  readonly result: boolean | null;
}

/** Before the first answer. */
export const NO_ANSWER: ProbeCount = { inARow: 0, lastGood: null, result: null };

/** Takes an answer in: the result changes only when as many in a row as the threshold say so. */
export function countAnswer(
  before: ProbeCount,
  good: boolean,
  thresholds: { readonly successThreshold: number; readonly failureThreshold: number },
): ProbeCount {
  const inARow = before.lastGood === good ? before.inARow + 1 : 1;
  const needed = good ? thresholds.successThreshold : thresholds.failureThreshold;
  return { inARow, lastGood: good, result: inARow >= needed ? good : before.result };
}

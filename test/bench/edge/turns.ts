/** What was measured of a subject and of its reference: values of the same index were measured next to each other. */
export interface Turns<T, R = T> {
  readonly subject: readonly T[];
  readonly reference: readonly R[];
}

/**
 * Measures in the order subject, reference, reference, subject: what else the machine does, and what grows with time,
 * meets both alike, so that their ratio means something on a busy machine, too.
 * @param rounds how often it does so: each adds two values of both
 */
export async function inTurns<T, R = T>(
  subject: () => Promise<T>,
  reference: () => Promise<R>,
  rounds = 1,
): Promise<Turns<T, R>> {
  const turns = { subject: [] as T[], reference: [] as R[] };
  for (let round = 0; round < rounds; round += 1) {
    turns.subject.push(await subject());
    turns.reference.push(await reference(), await reference());
    turns.subject.push(await subject());
  }
  return turns;
}

/** Ratio of a subject to its reference, and of the turns that were next to each other. */
export interface Ratio {
  readonly whole: number;
  readonly lowest: number;
  readonly highest: number;
}

/**
 * How a quotient, such as answers per second, compares: that of all turns together.
 * @param parts what is divided by what, in one turn
 */
export function ratioOf<T>(turns: Turns<T>, parts: (turn: T) => readonly [number, number]): Ratio {
  const quotient = (all: readonly T[]): number => {
    const [above, below] = all
      .map(parts)
      .reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0] as readonly [number, number]);
    return above / below;
  };
  const pairs = turns.subject.map(
    (_, index) => quotient(turns.subject.slice(index, index + 1)) / quotient(turns.reference.slice(index, index + 1)),
  );
  return rangeOf(quotient(turns.subject) / quotient(turns.reference), pairs);
}

/** How a value compares whose single measurements may be far out for reasons of the machine: by the medians. */
export function ratioOfMedians(turns: Turns<number>): Ratio {
  const pairs = turns.subject.map((value, index) => value / (turns.reference[index] ?? Number.NaN));
  return rangeOf(medianOf(turns.subject) / medianOf(turns.reference), pairs);
}

/** The middle value; the mean of both where there are two in the middle. NaN without values. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
}

function rangeOf(whole: number, pairs: readonly number[]): Ratio {
  return { whole, lowest: Math.min(...pairs), highest: Math.max(...pairs) };
}

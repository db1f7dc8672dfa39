/** What was measured of a subject and of its reference, twice each. */
export interface Turns<T> {
  readonly subject: readonly [T, T];
  readonly reference: readonly [T, T];
}

/**
 * Measures in the order subject, reference, reference, subject: what else the machine does, and what grows with time,
 * meets both alike, so that their ratio means something on a busy machine, too.
 */
export async function inTurns<T>(subject: () => Promise<T>, reference: () => Promise<T>): Promise<Turns<T>> {
  const first = await subject();
  const references = [await reference(), await reference()] as const;
  return { subject: [first, await subject()], reference: references };
}

/** Ratio of what both turns came to together, and of the turns that were next to each other. */
export interface Ratio {
  readonly whole: number;
  readonly lowest: number;
  readonly highest: number;
}

/** How a quotient, such as answers per second, compares. @param parts what is divided by what, in one turn */
export function ratioOf<T>(turns: Turns<T>, parts: (turn: T) => readonly [number, number]): Ratio {
  const quotient = (all: readonly T[]): number => {
    const [above, below] = all
      .map(parts)
      .reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0] as readonly [number, number]);
    return above / below;
  };
  const { subject, reference } = turns;
  const pairs = [0, 1].map(
    (index) => quotient(subject.slice(index, index + 1)) / quotient(reference.slice(index, index + 1)),
  );
  return { whole: quotient(subject) / quotient(reference), lowest: Math.min(...pairs), highest: Math.max(...pairs) };
}

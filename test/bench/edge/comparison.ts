import type { Measurement } from '../statistics.ts';
import type { Ratio } from './turns.ts';

/** What the goals ask of a ratio; null where there is none. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** A figure of an edge beside that of a reference. */
export interface Comparison {
  readonly what: string;
  readonly measured: string;
  readonly reference: string;
  readonly ratio: Ratio;
  readonly goal: Goal | null;
}

/** A line of the table of goals: the figure, its reference, their ratio, and whether that is what is asked for. */
export function compared({ what, measured, reference, ratio, goal }: Comparison): Measurement {
  const { whole, lowest, highest } = ratio;
  const range = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  return {
    what,
    measured,
    reference,
    ratio: `${whole.toFixed(2)} x (${range})`,
    ...(goal === null ? {} : { goal: goalText(goal, whole) }),
  };
}

function goalText(goal: Goal, ratio: number): string {
  const isMet = 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
  return `${'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`}, ${verdict(isMet)}`;
}

/** How a line says whether its goal is met. */
export function verdict(isMet: boolean): string {
  return isMet ? 'met' : '**missed**';
}

import type { Measurement } from '../statistics.ts';
import type { Ratio } from './turns.ts';

/** What the goals ask of a ratio. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** A figure of an edge beside that of a reference. */
export interface Comparison {
  readonly what: string;
  readonly measured: string;
  readonly reference: string;
  readonly ratio: Ratio;
  readonly goal: Goal;
}

/** A line of the table of goals: the figure, its reference, their ratio, and whether that is what is asked for. */
export function compared({ what, measured, reference, ratio, goal }: Comparison): Measurement {
  const { whole, lowest, highest } = ratio;
  const isMet = 'atLeast' in goal ? whole >= goal.atLeast : whole <= goal.atMost;
  const asked = 'atLeast' in goal ? `at least ${goal.atLeast} x` : `at most ${goal.atMost} x`;
  const range = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  return {
    what,
    measured: `${measured}: **${whole.toFixed(2)} x** (${range})`,
    reference: `${reference}; goal ${asked}: ${verdict(isMet)}`,
  };
}

/** How a line says whether its goal is met. */
export function verdict(isMet: boolean): string {
  return isMet ? 'met' : '**missed**';
}

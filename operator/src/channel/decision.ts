import type { Mode } from '@sluice/common/link/mode.ts';

/** The part of a Channel's spec that the decision depends on. */
export interface DeliverySpec {
  readonly minimumMode: Mode;
  readonly maximumMode: Mode;
  /** Viewers from which Direct is no longer enough; at least 1. */
  readonly proxyThreshold: number;
  /** Trusted viewers from which a transcode is worth its cost; at least 1. */
  readonly transcodeThreshold: number;
  /** Length of the window in seconds; 0 makes every change immediate. */
  readonly hysteresisSeconds: number;
}

/** What is known of the audience at the moment of the decision. */
export interface AudienceInput {
  /** Stale: an edge does not answer; unknown: an edge was never heard of. Both only ever raise the mode. */
  readonly state: 'known' | 'stale' | 'unknown';
  readonly viewers: number;
  /** Viewers whose evidence may start and keep a transcode (all, where the Channel trusts heartbeats). */
  readonly trusted: number;
  /** Trusted viewers with a sign of life since the first half of the pending window ended ({@link aliveSinceMs}). */
  readonly alive: number;
}

/** A reason other than viewers to keep a mode up, e.g. a pre-warm. */
export interface Pin {
  readonly mode: Mode;
  readonly reason: string;
}

/** Why a mode is impossible; for ever, or until a time in ms since the epoch. */
export interface ModeObstacle {
  readonly reason: string;
  readonly message: string;
  readonly untilMs: number | null;
}

/** A delayed change that waits: the count has been past the threshold since `sinceMs`. */
export interface PendingChange {
  readonly target: Mode;
  readonly sinceMs: number;
}

/** What the last decision left behind. */
export interface PreviousDecision {
  readonly mode: Mode;
  /** When `mode` was reached, in ms since the epoch. */
  readonly sinceMs: number;
  readonly pending: PendingChange | null;
}

/** Everything that the decision depends on. */
export interface DecisionInput {
  readonly nowMs: number;
  readonly spec: DeliverySpec;
  readonly audience: AudienceInput;
  readonly pins: readonly Pin[];
  /** Direct impossible: Proxy is the least mode. Transcode impossible: Proxy is the highest. */
  readonly obstacles: { readonly direct: ModeObstacle | null; readonly transcode: ModeObstacle | null };
  readonly previous: PreviousDecision;
}

/** Stable names of why a decision came out as it did; label of the metric `sluice_decisions_total`. */
export const REASON_CODES = [
  'AudienceGrew',
  'AudienceShrank',
  'MinimumMode',
  'MaximumMode',
  'Pinned',
  'DirectImpossible',
  'TranscodeImpossible',
  'CountUncertain',
  'WindowOpen',
  'Steady',
] as const;
/** One of {@link REASON_CODES}. */
export type ReasonCode = (typeof REASON_CODES)[number];

/** Why, for programs and for people. */
export interface DecisionReason {
  readonly code: ReasonCode;
  /** One sentence without times that tick, so that an unchanged situation keeps its text. */
  readonly message: string;
}

/** The answer; it is the next decision's `previous`. */
export interface Decision extends PreviousDecision {
  readonly reason: DecisionReason;
  /** Decide again after this many seconds even if nothing happens; null: only an event can change the answer. */
  readonly wakeAfterSeconds: number | null;
}

/** The first moment in ms at which a sign of life counts for the promotion that waits: the middle of its window. */
export function aliveSinceMs(pending: PendingChange, hysteresisSeconds: number): number {
  return pending.sinceMs + (hysteresisSeconds * 1000) / 2;
}

import type { Mode } from '@sluice/common/link/messages.ts';
import { higher, isBelow, lower } from './mode.ts';

/**
 * The decision: what stands behind a channel's URL. A pure function of the spec, the audience, what else speaks for or
 * against a mode, the clock and the last decision.
 *
 *   audience                          wanted      how it is reached
 *   nobody                            Idle        after the window
 *   a viewer                          Direct      up at once, down after the window
 *   viewers >= proxy threshold        Proxy       up at once, down after the window
 *   trusted >= transcode threshold    Transcode   after the window, by ids alive in its second half
 *
 * The window is `hysteresisSeconds` long and opens when the count passes a threshold. A change that waits for its
 * window is *delayed*: there is one window at a time, so there is at most one delayed change per window. What the
 * spec's bounds, a pin or an obstacle demand happens at once. A count that is not known never lowers a mode.
 */

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

/** Decides the mode. Deciding again on the answer at the same time changes nothing. */
export function decide(input: DecisionInput): Decision {
  const situation = situationOf(input);
  return conclude(situation, judge(situation));
}

interface Bound {
  readonly mode: Mode;
  readonly reason: DecisionReason;
}

interface Situation {
  readonly input: DecisionInput;
  /** The mode now. */
  readonly mode: Mode;
  /** What the audience asks for within the bounds. */
  readonly wanted: Mode;
  readonly floor: Bound;
  readonly ceiling: Bound;
  readonly windowMs: number;
}

interface Verdict {
  readonly mode: Mode;
  readonly pending: PendingChange | null;
  readonly reason: DecisionReason;
}

/** In this order: the first rule that has something to say decides. */
const RULES: readonly ((situation: Situation) => Verdict | null)[] = [
  leaveWhatIsNotAllowed,
  promoteAtOnce,
  holdWhileCountIsUncertain,
  promoteToTranscodeAfterWindow,
  demoteAfterWindow,
];

function judge(situation: Situation): Verdict {
  for (const rule of RULES) {
    const verdict = rule(situation);
    if (verdict !== null) return verdict;
  }
  return { mode: situation.mode, pending: null, reason: steady(situation) };
}

function situationOf(input: DecisionInput): Situation {
  const ceiling = ceilingOf(input);
  const floor = floorOf(input, ceiling.mode);
  const byAudience = modeForAudience(input.audience, input.spec);
  const wanted = possible(lower(higher(byAudience, floor.mode), ceiling.mode), input, ceiling.mode);
  return { input, mode: input.previous.mode, wanted, floor, ceiling, windowMs: input.spec.hysteresisSeconds * 1000 };
}

/** The mode that an audience deserves, all else aside. */
export function modeForAudience(audience: AudienceInput, spec: DeliverySpec): Mode {
  if (audience.trusted >= spec.transcodeThreshold) return 'Transcode';
  if (audience.viewers >= spec.proxyThreshold) return 'Proxy';
  return audience.viewers > 0 ? 'Direct' : 'Idle';
}

/** An obstacle binds harder than the minimum: what cannot run cannot be asked for. */
function ceilingOf({ spec, obstacles, nowMs }: DecisionInput): Bound {
  const obstacle = inForce(obstacles.transcode, nowMs);
  if (obstacle !== null && spec.maximumMode === 'Transcode') {
    const message = `Transcode is impossible: ${obstacle.message}`;
    return { mode: 'Proxy', reason: { code: 'TranscodeImpossible', message } };
  }
  return {
    mode: spec.maximumMode,
    reason: { code: 'MaximumMode', message: `maximumMode is ${spec.maximumMode}` },
  };
}

function floorOf({ spec, pins }: DecisionInput, ceiling: Mode): Bound {
  let floor: Bound = {
    mode: spec.minimumMode,
    reason: { code: 'MinimumMode', message: `minimumMode is ${spec.minimumMode}` },
  };
  for (const pin of pins) {
    if (isBelow(floor.mode, pin.mode)) {
      floor = { mode: pin.mode, reason: { code: 'Pinned', message: `${pin.mode} at least: ${pin.reason}` } };
    }
  }
  return { ...floor, mode: lower(floor.mode, ceiling) };
}

/**
 * Proxy where Direct is impossible. With `maximumMode: Direct` Direct stays: its owner has forbidden the only
 * alternative, and players that need no CORS may still play it.
 */
function possible(mode: Mode, { obstacles, nowMs }: DecisionInput, ceiling: Mode): Mode {
  const impossible = mode === 'Direct' && inForce(obstacles.direct, nowMs) !== null;
  return impossible && !isBelow(ceiling, 'Proxy') ? 'Proxy' : mode;
}

function inForce(obstacle: ModeObstacle | null, nowMs: number): ModeObstacle | null {
  return obstacle !== null && (obstacle.untilMs === null || nowMs < obstacle.untilMs) ? obstacle : null;
}

/** Exempt from the window: running on in a mode that is forbidden or broken helps nobody. What follows is judged anew. */
function leaveWhatIsNotAllowed(situation: Situation): Verdict | null {
  const { input, mode, ceiling } = situation;
  if (!isBelow(ceiling.mode, mode)) return null;
  const previous = { ...input.previous, pending: null };
  const { reason: _next, ...verdict } = judge({ ...situation, input: { ...input, previous }, mode: ceiling.mode });
  return { ...verdict, reason: ceiling.reason };
}

/** Up to Proxy nobody waits; to Transcode only the spec or a pin goes at once, and everybody where there is no window. */
function promoteAtOnce(situation: Situation): Verdict | null {
  const { input, mode, wanted, floor, windowMs } = situation;
  const target = windowMs === 0 ? wanted : higher(lower(wanted, 'Proxy'), floor.mode);
  if (!isBelow(mode, target)) return null;
  const waits = wanted === 'Transcode' && target !== 'Transcode';
  const pending: PendingChange | null = waits ? { target: 'Transcode', sinceMs: input.nowMs } : null;
  return { mode: target, pending, reason: reasonToBeAt(situation, target) };
}

/** Unknown is never zero: a count that misses an edge may be too low, never too high. */
function holdWhileCountIsUncertain({ input, mode, wanted }: Situation): Verdict | null {
  if (input.audience.state === 'known' || !isBelow(wanted, mode)) return null;
  const why = input.audience.state === 'stale' ? 'an edge does not answer' : 'an edge has not been heard of yet';
  const message = `${mode} stays: ${viewersOf(input.audience)} counted, but ${why}`;
  return { mode, pending: null, reason: { code: 'CountUncertain', message } };
}

function promoteToTranscodeAfterWindow(situation: Situation): Verdict | null {
  const { input, mode, wanted, windowMs } = situation;
  if (wanted !== 'Transcode' || mode === 'Transcode') return null;
  const { audience, spec } = input;
  const pending = promotionWindow(situation);
  if (input.nowMs >= pending.sinceMs + windowMs && audience.alive >= spec.transcodeThreshold) {
    return { mode: 'Transcode', pending: null, reason: reasonToBeAt(situation, 'Transcode') };
  }
  const message = `${viewersOf(audience)}: Transcode once ${spec.transcodeThreshold} or more have stayed${forWindow(spec)}`;
  return { mode, pending, reason: { code: 'WindowOpen', message } };
}

/** Falls to the highest mode that was wanted since the window opened, never below what a moment of it needed. */
function demoteAfterWindow(situation: Situation): Verdict | null {
  const { input, mode, wanted, windowMs, ceiling } = situation;
  if (!isBelow(wanted, mode)) return null;
  const before = input.previous.pending;
  const carried = before === null ? null : possible(before.target, input, ceiling.mode);
  const pending: PendingChange =
    before !== null && carried !== null && isBelow(carried, mode)
      ? { target: higher(carried, wanted), sinceMs: Math.min(before.sinceMs, input.nowMs) }
      : { target: wanted, sinceMs: input.nowMs };
  if (input.nowMs < pending.sinceMs + windowMs) {
    const message = `${viewersOf(input.audience)}: ${pending.target} once the audience has stayed that small${forWindow(input.spec)}`;
    return { mode, pending, reason: { code: 'WindowOpen', message } };
  }
  const next = isBelow(wanted, pending.target) ? { target: wanted, sinceMs: input.nowMs } : null;
  const message = `${viewersOf(input.audience)}: too few for ${mode}${forWindow(input.spec)}`;
  return { mode: pending.target, pending: next, reason: { code: 'AudienceShrank', message } };
}

/** The window of the promotion to Transcode: the one that is open, or one that opens now. */
function promotionWindow({ input }: Situation): PendingChange {
  const open = input.previous.pending;
  const sinceMs = open?.target === 'Transcode' ? Math.min(open.sinceMs, input.nowMs) : input.nowMs;
  return { target: 'Transcode', sinceMs };
}

/** What speaks for `mode`: the audience itself, or else what lifts the channel above it. */
function reasonToBeAt({ input, floor }: Situation, mode: Mode): DecisionReason {
  const { audience, spec, obstacles, nowMs } = input;
  if (!isBelow(modeForAudience(audience, spec), mode)) {
    return { code: 'AudienceGrew', message: `${viewersOf(audience)}${reachedThreshold(mode, spec)}` };
  }
  if (!isBelow(floor.mode, mode)) return floor.reason;
  const why = inForce(obstacles.direct, nowMs)?.message ?? 'the source does not allow it';
  return { code: 'DirectImpossible', message: `${viewersOf(audience)}; Direct is impossible: ${why}` };
}

function reachedThreshold(mode: Mode, spec: DeliverySpec): string {
  if (mode === 'Proxy') return `: at least ${spec.proxyThreshold}, the threshold for Proxy`;
  if (mode === 'Transcode')
    return `: at least ${spec.transcodeThreshold}${forWindow(spec)}, the threshold for Transcode`;
  return '';
}

function whyHere(mode: Mode, spec: DeliverySpec): string {
  return mode === 'Direct'
    ? `: fewer than ${spec.proxyThreshold}, the threshold for Proxy`
    : reachedThreshold(mode, spec);
}

function steady(situation: Situation): DecisionReason {
  const { input, mode, ceiling } = situation;
  const { audience, spec } = input;
  const byAudience = modeForAudience(audience, spec);
  if (isBelow(ceiling.mode, byAudience)) return ceiling.reason;
  if (isBelow(byAudience, mode)) return reasonToBeAt(situation, mode);
  const untrusted = audience.viewers >= spec.transcodeThreshold && audience.trusted < spec.transcodeThreshold;
  const hint = untrusted ? `, ${audience.trusted} of whom may start a transcode: the others only send heartbeats` : '';
  return { code: 'Steady', message: `${viewersOf(audience)}${hint === '' ? whyHere(mode, spec) : hint}` };
}

function conclude({ input, windowMs }: Situation, verdict: Verdict): Decision {
  const changed = verdict.mode !== input.previous.mode;
  const times: readonly (number | null)[] = [
    verdict.pending === null ? null : verdict.pending.sinceMs + windowMs,
    input.obstacles.direct?.untilMs ?? null,
    input.obstacles.transcode?.untilMs ?? null,
  ];
  const wakeMs = Math.min(...times.filter((time): time is number => time !== null && time > input.nowMs));
  return {
    mode: verdict.mode,
    sinceMs: changed ? input.nowMs : input.previous.sinceMs,
    pending: verdict.pending,
    reason: verdict.reason,
    wakeAfterSeconds: Number.isFinite(wakeMs) ? (wakeMs - input.nowMs) / 1000 : null,
  };
}

function viewersOf({ viewers }: AudienceInput): string {
  return viewers === 1 ? '1 viewer' : `${viewers} viewers`;
}

function forWindow({ hysteresisSeconds }: DeliverySpec): string {
  return hysteresisSeconds === 0 ? '' : ` for ${hysteresisSeconds} s`;
}

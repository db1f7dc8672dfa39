import type { Mode } from '@sluice/common/link/mode.ts';
import type { Decision, DecisionInput, DecisionReason, PendingChange } from './decision.ts';
import { forWindow, reasonToBeAt, steady, trustedOf, viewersOf } from './decision-words.ts';
import { higher, isBelow, lower } from './mode.ts';
import { possible, type Situation, situationOf } from './situation.ts';

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

/** Decides the mode. Deciding again on the answer at the same time changes nothing. */
export function decide(input: DecisionInput): Decision {
  const situation = situationOf(input);
  return conclude(situation, judge(situation));
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

/**
 * Falls to the highest mode that was wanted since the window opened, never below what a moment of it needed. Without a
 * window what was wanted before does not count: nothing would wake the channel for the rest of the way.
 */
function demoteAfterWindow(situation: Situation): Verdict | null {
  const { input, mode, wanted, windowMs, ceiling } = situation;
  if (!isBelow(wanted, mode)) return null;
  const before = input.previous.pending;
  const carried = before === null || windowMs === 0 ? null : possible(before.target, input, ceiling.mode);
  const pending: PendingChange =
    before !== null && carried !== null && isBelow(carried, mode)
      ? { target: higher(carried, wanted), sinceMs: Math.min(before.sinceMs, input.nowMs) }
      : { target: wanted, sinceMs: input.nowMs };
  const audience = viewersOf(input.audience) + trustedOf(input.audience, input.spec);
  if (input.nowMs < pending.sinceMs + windowMs) {
    const message = `${audience}: ${pending.target} once the audience has stayed that small${forWindow(input.spec)}`;
    return { mode, pending, reason: { code: 'WindowOpen', message } };
  }
  const next = isBelow(wanted, pending.target) ? { target: wanted, sinceMs: input.nowMs } : null;
  const message = `${audience}: too few for ${mode}${forWindow(input.spec)}`;
  return { mode: pending.target, pending: next, reason: { code: 'AudienceShrank', message } };
}

/** The window of the promotion to Transcode: the one that is open, or one that opens now. */
function promotionWindow({ input }: Situation): PendingChange {
  const open = input.previous.pending;
  const sinceMs = open?.target === 'Transcode' ? Math.min(open.sinceMs, input.nowMs) : input.nowMs;
  return { target: 'Transcode', sinceMs };
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

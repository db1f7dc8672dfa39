import { DECISIONS_MAX } from '@sluice/crds';
import { limited } from './build/text.ts';
import type { Decision } from './decision.ts';
import type { Findings } from './findings.ts';
import type { ChannelMemory } from './memory.ts';
import { isBelow } from './mode.ts';
import type { Observed } from './observed.ts';
import { ownersOf } from './owners.ts';
import type { SessionPlan } from './session-plan.ts';

/** What will be remembered of a channel once its plan is carried out. */
export function nextMemory(observed: Observed, findings: Findings, session: SessionPlan): ChannelMemory {
  const { memory: before, nowMs, channel, edges, term, report } = observed;
  const { facts, failure, ladder } = findings;
  const live = report?.session?.state === 'Live';
  return {
    ...rememberDecision(before, findings.decision, observed),
    transcodeSuspendedUntilMs: later(findings.transcodeSuspendedUntilMs, nowMs),
    directSuspendedUntilMs: later(before.directSuspendedUntilMs, nowMs),
    // The report of a session that has just failed may still call it live.
    transcodeFailures: failure?.failures ?? (live ? 0 : before.transcodeFailures),
    transcodeFailure: findings.transcodeFailure,
    countedFailure: failure?.name ?? before.countedFailure,
    serial: session.serial,
    ladder: facts === null || facts.height === 0 ? before.ladder : ladder.rungs,
    ownership: ownersOf(
      channel.metadata.uid ?? '',
      edges,
      { previous: before.ownership, claim: observed.claim, formerOwner: before.formerOwner },
      term,
    ),
  };
}

function rememberDecision(before: ChannelMemory, decision: Decision, { audience, nowMs }: Observed): ChannelMemory {
  const { mode, sinceMs, pending } = decision;
  const from = before.decision.mode;
  const changed = mode !== from;
  const delayed = changed && before.decision.pending !== null && (isBelow(mode, from) || mode === 'Transcode');
  const record = () => ({
    time: new Date(nowMs).toISOString(),
    from,
    to: mode,
    viewers: audience.viewers,
    reason: limited(decision.reason.message),
  });
  return {
    ...before,
    decision: { mode, sinceMs, pending },
    decisions: changed ? [...before.decisions, record()].slice(-DECISIONS_MAX) : before.decisions,
    lastDelayedMs: delayed ? nowMs : before.lastDelayedMs,
    knownViewers: audience.state === 'known' ? audience.viewers : before.knownViewers,
  };
}

/** A time that has passed is forgotten. */
function later(time: number | null, nowMs: number): number | null {
  return time !== null && time > nowMs ? time : null;
}

import type { Mode } from '@sluice/common/link/mode.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { Channel } from '@sluice/crds';
import { decide } from './decide.ts';
import type { AudienceInput, Decision, DecisionInput, DeliverySpec } from './decision.ts';
import { type LadderInForce, ladderInForce } from './ladder.ts';
import type { Observed } from './observed.ts';
import { obstaclesOf, ownerObstacles } from './obstacles.ts';
import { type CountedFailure, failureOf, failureText } from './session-plan.ts';

/** What a reconciliation finds out, before it becomes manifests and messages. */
export interface Findings {
  readonly facts: SourceFacts | null;
  readonly health: SourceHealth | null;
  readonly activeMode: Mode;
  readonly failure: CountedFailure | null;
  readonly transcodeSuspendedUntilMs: number | null;
  /** {@link ChannelMemory.transcodeFailure} */
  readonly transcodeFailure: string;
  readonly ladder: LadderInForce;
  readonly obstacles: DecisionInput['obstacles'];
  readonly decision: Decision;
}

/** Decides; pure. */
export function find(observed: Observed): Findings {
  const { channel, nowMs, report, memory } = observed;
  const { spec } = channel;
  const facts = report?.facts ?? channel.status?.source?.facts ?? null;
  const activeMode = activeModeOf(observed);
  const failure = failureOf(observed.sessions, memory, nowMs);
  const transcodeSuspendedUntilMs = failure?.retryAtMs ?? memory.transcodeSuspendedUntilMs;
  const transcodeFailure = failure === null ? memory.transcodeFailure : failureText(failure);
  const ladder = ladderInForce(spec.transcode.ladder, memory.ladder, isIdle(observed, activeMode), facts);
  const { directSuspendedUntilMs } = memory;
  const incidents = { directSuspendedUntilMs, transcodeSuspendedUntilMs, transcodeFailure };
  const obstacles = obstaclesOf({ nowMs, spec, found: ownerObstacles(observed), ladder, ...incidents });
  const decision = decide({
    nowMs,
    spec: deliveryOf(channel),
    audience: audienceFor(observed),
    pins: [],
    obstacles,
    previous: memory.decision,
  });
  const health = healthOf(observed);
  return {
    facts,
    health,
    activeMode,
    failure,
    transcodeSuspendedUntilMs,
    transcodeFailure,
    ladder,
    obstacles,
    decision,
  };
}

/** What viewers get: the owner's word; before it has spoken, the status until the audience is known. */
export function activeModeOf({ report, audience, channel }: Observed): Mode {
  return report?.activeMode ?? (audience.state === 'known' ? 'Idle' : (channel.status?.mode ?? 'Idle'));
}

/** Nobody watches, and that is known: an owner that has not spoken says nothing of viewers. */
function isIdle({ audience, memory }: Observed, activeMode: Mode): boolean {
  const nobody = audience.state === 'known' && audience.viewers === 0;
  return nobody && activeMode === 'Idle' && memory.decision.mode === 'Idle';
}

/** What is known of the source: the owner's word; before it has spoken, the status until the audience is known. */
export function healthOf({ report, audience, channel }: Observed): SourceHealth | null {
  if (report !== null) return report.health;
  const last = channel.status?.source?.health;
  if (audience.state === 'known' || last === undefined) return null;
  return { ...last, state: last.state.toLowerCase() as SourceHealth['state'] };
}

function deliveryOf(channel: Channel): DeliverySpec {
  const { minimumMode, maximumMode, thresholds, hysteresisSeconds } = channel.spec.delivery;
  return {
    minimumMode,
    maximumMode,
    proxyThreshold: thresholds.proxy,
    transcodeThreshold: thresholds.transcode,
    hysteresisSeconds,
  };
}

/** Where the Channel trusts heartbeats, every viewer may start a transcode. */
function audienceFor({ audience, alive, channel }: Observed): AudienceInput {
  const { state, viewers, trusted } = audience;
  return { state, viewers, trusted: channel.spec.viewers.trustHeartbeats ? viewers : trusted, alive };
}

import type { Audience, Mode, Route, SourceFacts, SourceHealth } from '@sluice/common/link/messages.ts';
import { redactUri } from '@sluice/common/log/log.ts';
import { CHANNEL_CONDITIONS, type Channel, type ChannelStatus, DECISIONS_MAX, type StreamSession } from '@sluice/crds';
import type { EventRecord } from '../runtime/events/recorder.ts';
import { channelFindings, withTimes } from './build/conditions.ts';
import { buildSession } from './build/session.ts';
import { buildStatus } from './build/status.ts';
import { limited } from './build/text.ts';
import { decide } from './decide.ts';
import type { AudienceInput, Decision, DecisionInput, DeliverySpec } from './decision.ts';
import {
  modeChanged,
  sessionEnded,
  sessionFailed,
  sessionStarted,
  sourceRecovered,
  sourceUnreachable,
  transcodeLate,
  transcodeLive,
} from './events.ts';
import { type LadderInForce, ladderInForce } from './ladder.ts';
import type { ChannelMemory } from './memory.ts';
import { isBelow } from './mode.ts';
import type { Observed } from './observed.ts';
import { obstaclesOf, ownerObstacles } from './obstacles.ts';
import { ownersOf } from './owners.ts';
import { planRoute, sessionInRoute } from './route-plan.ts';
import {
  type CountedFailure,
  failureOf,
  failureText,
  planSession,
  type SessionPlan,
  sessionName,
} from './session-plan.ts';

/** A Secret that is missing is looked for again this often: nothing tells the operator when it is made. */
const HEADERS_RETRY_SECONDS = 30;

/** What the plan needs beside what was observed. */
export interface PlanSettings {
  readonly publicUrl: string;
  /** Lower-case hex SHA-256 of the token of a StreamSession with this uid. */
  readonly tokenSha256: (sessionUid: string) => string;
}

/** Everything that follows from what was observed. Nothing of it has happened yet. */
export interface ChannelPlan {
  readonly memory: ChannelMemory;
  readonly decision: Decision;
  /** Null while the source's headers are missing and the edges know nothing of the channel. */
  readonly route: Route | null;
  readonly audience: Audience;
  readonly createSession: StreamSession | null;
  readonly removeSessions: readonly StreamSession[];
  readonly status: ChannelStatus;
  readonly events: readonly EventRecord[];
  /** The channel leaves Idle: its peak starts again. */
  readonly resetPeak: boolean;
  /** Reconcile again after this many seconds even if nothing happens; null: not needed. */
  readonly wakeAfterSeconds: number | null;
}

/** Decides and builds; pure. `route` is what the edges have of the channel now. */
export function planChannel(observed: Observed, settings: PlanSettings, route: Route | undefined): ChannelPlan {
  const findings = find(observed);
  const { decision } = findings;
  const session = planSession(observed, decision, findings.activeMode);
  const memory = nextMemory(observed, findings, session);
  const created = session.create ? sessionName(observed.channel.metadata.name, session.serial) : '';
  const status = planStatus(observed, settings, findings, memory, created || (session.current?.metadata.name ?? ''));
  return {
    memory,
    decision,
    route: planRoute(observed, settings, {
      findings,
      memory,
      session: sessionInRoute(session, observed.leaving),
      route,
    }),
    audience: audienceMessage(observed, decision),
    createSession: session.create ? buildSession(observed.channel, created, findings.ladder.rungs) : null,
    removeSessions: session.remove,
    status,
    events: eventsOf(observed, findings, session, created, status),
    resetPeak: observed.memory.decision.mode === 'Idle' && decision.mode !== 'Idle',
    wakeAfterSeconds: soonest([
      decision.wakeAfterSeconds,
      session.wakeAfterSeconds,
      observed.audience.nextChangeMs === null ? null : (observed.audience.nextChangeMs - observed.nowMs) / 1000,
      observed.headers.state === 'missing' ? HEADERS_RETRY_SECONDS : null,
    ]),
  };
}

/** What a reconciliation finds out, before it becomes manifests and messages. */
interface Findings {
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

function find(observed: Observed): Findings {
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

function nextMemory(observed: Observed, findings: Findings, session: SessionPlan): ChannelMemory {
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

function planStatus(
  observed: Observed,
  settings: PlanSettings,
  findings: Findings,
  memory: ChannelMemory,
  session: string,
): ChannelStatus {
  const { channel, nowMs } = observed;
  const owner = memory.ownership?.owners[0]?.podName ?? '';
  const conditions = channelFindings({ observed, ...findings, probed: findings.facts !== null, owner });
  const generation = channel.metadata.generation ?? 0;
  return buildStatus({
    channel,
    activeMode: findings.activeMode,
    audience: observed.audience,
    memory,
    report: observed.report,
    facts: findings.facts,
    health: findings.health,
    session,
    conditions: withTimes(conditions, channel.status?.conditions ?? [], generation, nowMs),
    publicUrl: settings.publicUrl,
  });
}

function eventsOf(
  observed: Observed,
  findings: Findings,
  session: SessionPlan,
  created: string,
  status: ChannelStatus,
): readonly EventRecord[] {
  const { decision, failure, health } = findings;
  const before = observed.memory.decision.mode;
  const ended = session.remove.filter(({ status }) => status?.phase !== 'Failed');
  return [
    ...(decision.mode === before ? [] : [modeChanged(before, decision.mode, decision.reason.message)]),
    ...(created === '' ? [] : [sessionStarted(created)]),
    ...(failure === null
      ? []
      : [sessionFailed(failure.name, failure.message, new Date(failure.retryAtMs).toISOString())]),
    ...ended.map(({ metadata }) => sessionEnded(metadata.name)),
    ...sourceEvents(observed.channel, health),
    ...transcodeEvents(observed, status),
  ];
}

/** What viewers get: the owner's word; before it has spoken, the status until the audience is known. */
function activeModeOf({ report, audience, channel }: Observed): Mode {
  return report?.activeMode ?? (audience.state === 'known' ? 'Idle' : (channel.status?.mode ?? 'Idle'));
}

/** Nobody watches, and that is known: an owner that has not spoken says nothing of viewers. */
function isIdle({ audience, memory }: Observed, activeMode: Mode): boolean {
  const nobody = audience.state === 'known' && audience.viewers === 0;
  return nobody && activeMode === 'Idle' && memory.decision.mode === 'Idle';
}

function healthOf({ report, audience, channel }: Observed): SourceHealth | null {
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

function rememberDecision(before: ChannelMemory, decision: Decision, { audience, nowMs }: Observed): ChannelMemory {
  const { mode, sinceMs, pending } = decision;
  const from = before.decision.mode;
  const changed = mode !== from;
  const delayed = changed && before.decision.pending !== null && (isBelow(mode, from) || mode === 'Transcode');
  const record = {
    time: new Date(nowMs).toISOString(),
    from,
    to: mode,
    viewers: audience.viewers,
    reason: limited(decision.reason.message),
  };
  return {
    ...before,
    decision: { mode, sinceMs, pending },
    decisions: changed ? [...before.decisions, record].slice(-DECISIONS_MAX) : before.decisions,
    lastDelayedMs: delayed ? nowMs : before.lastDelayedMs,
    knownViewers: audience.state === 'known' ? audience.viewers : before.knownViewers,
  };
}

function audienceMessage(observed: Observed, decision: Decision): Audience {
  const { channel, audience } = observed;
  const health = healthOf(observed);
  return {
    uid: channel.metadata.uid ?? '',
    viewers: audience.viewers,
    peak: audience.peak,
    state: audience.state,
    mode: decision.mode,
    reason: decision.reason.message,
    activeMode: activeModeOf(observed),
    ...(health === null ? {} : { health: { state: health.state, reason: health.reason } }),
  };
}

function sourceEvents(channel: Channel, health: SourceHealth | null): readonly EventRecord[] {
  const was = channel.status?.source?.health?.state;
  if (health?.state === 'down' && was !== 'Down') {
    return [sourceUnreachable(redactUri(channel.spec.source.uri), health.message)];
  }
  return health?.state === 'healthy' && was === 'Down' ? [sourceRecovered()] : [];
}

/** What became of the wish for a transcode: told when the condition turns. */
function transcodeEvents({ channel, report }: Observed, status: ChannelStatus): readonly EventRecord[] {
  const reasonIn = ({ conditions = [] }: ChannelStatus): string | undefined =>
    conditions.find(({ type }) => type === CHANNEL_CONDITIONS.transcodeHealthy)?.reason;
  const now = reasonIn(status);
  const session = report?.session ?? null;
  if (session === null || now === reasonIn(channel.status ?? {})) return [];
  if (now === 'Live') return [transcodeLive(session.name, session.attempt, session.encoder)];
  return now === 'Late' ? [transcodeLate(session.name, session.message || 'the encoder does not keep pace')] : [];
}

/** A time that has passed is forgotten. */
function later(time: number | null, nowMs: number): number | null {
  return time !== null && time > nowMs ? time : null;
}

function soonest(seconds: readonly (number | null)[]): number | null {
  const known = seconds.filter((each): each is number => each !== null);
  return known.length === 0 ? null : Math.max(0, Math.min(...known));
}

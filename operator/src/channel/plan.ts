import type { Audience } from '@sluice/common/link/audience.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { ChannelStatus, StreamSession } from '@sluice/crds';
import type { EventRecord } from '../runtime/events/recorder.ts';
import { channelFindings, withTimes } from './build/conditions.ts';
import { buildSession } from './build/session.ts';
import { buildStatus } from './build/status.ts';
import type { Decision } from './decision.ts';
import { activeModeOf, type Findings, find, healthOf } from './findings.ts';
import type { ChannelMemory } from './memory.ts';
import { nextMemory } from './next-memory.ts';
import type { Observed } from './observed.ts';
import { eventsOf } from './plan-events.ts';
import { planRoute, sessionInRoute } from './route-plan.ts';
import { planSession, sessionName } from './session-plan.ts';

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

function soonest(seconds: readonly (number | null)[]): number | null {
  const known = seconds.filter((each): each is number => each !== null);
  return known.length === 0 ? null : Math.max(0, Math.min(...known));
}

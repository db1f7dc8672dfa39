import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { StreamSession } from '@sluice/crds';
import { buildRoute } from './build/route.ts';
import type { Decision } from './decision.ts';
import type { LadderInForce } from './ladder.ts';
import type { ChannelMemory } from './memory.ts';
import type { Observed } from './observed.ts';
import type { PlanSettings } from './plan.ts';
import type { SessionPlan } from './session-plan.ts';

/** Pods of a session that is deleted now drain first, and have to prove themselves to the owner for that. */
export function sessionInRoute({ current, remove }: SessionPlan, leaving: StreamSession | null): StreamSession | null {
  return (
    current ??
    leaving ??
    remove.find(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Completed') ??
    null
  );
}

/** What a route takes out of a plan. */
export interface RouteParts {
  readonly findings: {
    readonly facts: SourceFacts | null;
    readonly decision: Decision;
    readonly ladder: LadderInForce;
  };
  readonly memory: ChannelMemory;
  readonly session: StreamSession | null;
  /** What the edges have now. */
  readonly route: Route | undefined;
}

/**
 * Without its headers a source must not be asked: the edges go on with the one that they know, address and headers
 * together, so that old headers never go to a new address. All else, the mode above all, follows the plan.
 */
export function planRoute(
  { channel, headers, report }: Observed,
  settings: PlanSettings,
  parts: RouteParts,
): Route | null {
  const { facts, decision, ladder } = parts.findings;
  const { session } = parts;
  const source = headers.state === 'missing' ? parts.route?.source : { uri: channel.spec.source.uri, ...headers };
  if (source === undefined) return null;
  return buildRoute({
    channel,
    source: { uri: source.uri, headers: { ...source.headers }, facts },
    mode: decision.mode,
    reportSigns: decision.pending?.target === 'Transcode',
    ladder: ladder.rungs,
    ownership: parts.memory.ownership ?? { owners: [], term: 0 },
    session,
    tokenSha256: tokenSha256Of(session?.metadata.uid, parts.route, settings),
    report,
    previous: parts.route,
  });
}

/** Hashing is the dearest part of a plan, and the token of a session never changes. */
function tokenSha256Of(uid: string | undefined, route: Route | undefined, settings: PlanSettings): string {
  if (uid === undefined) return '';
  return route?.session?.uid === uid ? route.session.tokenSha256 : settings.tokenSha256(uid);
}

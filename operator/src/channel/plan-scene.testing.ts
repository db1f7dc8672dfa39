import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Channel, ChannelStatus, StreamSession } from '@sluice/crds';
import type { AudienceCount } from '../audience/count.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import { channelFixture, edgeFixture, reportFixture } from '../testing/fixtures.ts';
import { buildSession } from './build/session.ts';
import type { PreviousDecision } from './decision.ts';
import { type ChannelMemory, remember } from './memory.ts';
import type { Observed, SourceHeaders } from './observed.ts';
import { type ChannelPlan, planChannel } from './plan.ts';

/** The time at which all is planned, in ms since the epoch. */
export const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const SETTINGS = { publicUrl: 'https://tv.example', tokenSha256: (uid: string) => `sha-of-${uid}` };
/** The one edge. */
export const EDGE = edgeFixture();

/** What differs from an idle channel that an owner has reported of, on one edge. */
export interface Scene {
  channel?: Channel;
  viewers?: number;
  audience?: Partial<AudienceCount>;
  alive?: number;
  report?: Partial<OwnerReport> | null;
  sessions?: StreamSession[];
  edges?: EdgeEndpoint[];
  headers?: SourceHeaders;
  refusal?: string;
  madeMs?: number;
  decision?: Partial<PreviousDecision>;
  memory?: Partial<ChannelMemory>;
  route?: Route;
}

/** What is planned in a scene. */
export function plan(scene: Scene): ChannelPlan {
  const channel = scene.channel ?? channelFixture();
  const remembered = remember(channel, NOW - 3_600_000);
  const viewers = scene.viewers ?? 0;
  const observed: Observed = {
    nowMs: NOW,
    channel,
    headers: scene.headers ?? { state: 'found', headers: {} },
    audience: { state: 'known', viewers, trusted: viewers, peak: viewers, nextChangeMs: null, ...scene.audience },
    alive: scene.alive ?? viewers,
    report: scene.report === null ? null : reportFixture(scene.report),
    claim: null,
    edges: scene.edges ?? [EDGE],
    term: 1,
    sessions: scene.sessions ?? [],
    leaving: null,
    refusal: scene.refusal ?? null,
    madeMs: scene.madeMs ?? 0,
    memory: { ...remembered, decision: { ...remembered.decision, ...scene.decision }, ...scene.memory },
  };
  return planChannel(observed, SETTINGS, scene.route);
}

/** The channel's session of this number. */
export function session(serial: number, status?: StreamSession['status']): StreamSession {
  const built = buildSession(channelFixture(), `film-${serial}`, [
    { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 },
  ]);
  return { ...built, metadata: { ...built.metadata, uid: `s${serial}` }, ...(status === undefined ? {} : { status }) };
}

/** Status and reason of a condition. */
export function condition(status: ChannelStatus, type: string): string {
  const found = status.conditions?.find((each) => each.type === type);
  return `${found?.status} ${found?.reason}`;
}

/** A decision whose hysteresis window for Transcode is over. */
export const OPEN = { mode: 'Proxy' as const, pending: { target: 'Transcode' as const, sinceMs: NOW - 30_000 } };

import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { OwnerReport, SessionReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { API_VERSION, type Channel, type ChannelSpecInput, type ChannelStatus, channelSpecSchema } from '@sluice/crds';
import type { EdgeEndpoint } from '../link/endpoints.ts';

/** Builders of the values that several tests need: a full default, and what a test changes of it. */

/** A ready edge. */
export function edgeFixture(): EdgeEndpoint {
  return {
    podName: 'edge-a',
    podUid: 'a',
    internalAddress: '10.0.0.1:8081',
    linkAddress: '10.0.0.1:8443',
    ready: true,
    terminating: false,
  };
}

/** Route of an idle channel. */
export function routeFixture(changes: Partial<Route> = {}): Route {
  return {
    namespace: 'tv',
    name: 'film',
    uid: 'c1',
    generation: 1,
    source: { uri: 'http://source.example/index.m3u8', headers: {}, facts: null },
    mode: 'Idle',
    minimumMode: 'Idle',
    maximumMode: 'Transcode',
    heartbeatSeconds: 30,
    timeoutSeconds: 60,
    identity: 'UrlSession',
    reportSigns: false,
    ladder: [{ name: '480p', height: 480, bitrateBps: 1_200_000 }],
    owners: [],
    ownerTerm: 1,
    session: null,
    resume: null,
    ...changes,
  };
}

/** A Channel as the API server stores it: all defaults filled in. */
export function channelFixture(spec: Partial<ChannelSpecInput> = {}, status?: ChannelStatus): Channel {
  return {
    apiVersion: API_VERSION,
    kind: 'Channel',
    metadata: { name: 'film', namespace: 'tv', uid: 'c1', generation: 1 },
    spec: channelSpecSchema.parse({ source: { uri: 'http://source.example/index.m3u8' }, ...spec }),
    ...(status === undefined ? {} : { status }),
  };
}

/** What the owner of an idle channel with a good source reports. */
export function reportFixture(changes: Partial<OwnerReport> = {}): OwnerReport {
  return {
    uid: 'c1',
    ownerTerm: 1_700_000_000,
    activeMode: 'Idle',
    epoch: 1,
    lastMsn: 100,
    facts: factsFixture(),
    health: { state: 'healthy', reason: 'Healthy', message: 'the playlist advances' },
    directObstacle: null,
    transcodeObstacle: null,
    session: null,
    ...changes,
  };
}

/** What the owner says of a session whose agent delivers in time. */
export function sessionReportFixture(changes: Partial<SessionReport> = {}): SessionReport {
  return {
    name: 'film-1',
    attempt: 1,
    state: 'Live',
    encoder: 'libx264',
    fallback: '',
    speed: 1.5,
    outTimeSeconds: 10,
    droppedRungs: [],
    message: '',
    incidents: [],
    ...changes,
  };
}

import type { Route } from '@sluice/common/link/route.ts';

/** A route with the defaults of the API, for tests; `changes` replaces fields. */
export function testRoute(uri: string, changes: Partial<Route> = {}): Route {
  return {
    namespace: 'default',
    name: 'film',
    uid: '11112222-3333-4444-5555-666677778888',
    generation: 1,
    source: { uri, headers: {}, facts: null },
    mode: 'Idle',
    minimumMode: 'Idle',
    maximumMode: 'Transcode',
    heartbeatSeconds: 30,
    timeoutSeconds: 60,
    identity: 'UrlSession',
    reportSigns: false,
    ladder: [
      { name: '360p', height: 360, bitrateBps: 800_000 },
      { name: '240p', height: 240, bitrateBps: 400_000 },
    ],
    owners: [],
    ownerTerm: 0,
    session: null,
    resume: null,
    ...changes,
  };
}

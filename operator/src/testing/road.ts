import { sessionReportFixture } from './fixtures.ts';
import { type Harness, SERVED } from './harness.ts';

/** The longest road of a channel: from nothing to five viewers of a transcode, with what every edge says on the way. */

/** Makes the channel, and its owner report what a real one would. @returns its uid */
export async function driveToTranscode(harness: Harness): Promise<string> {
  const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
  await harness.start();
  await arriveAtTranscode(harness, uid);
  return uid;
}

/** The same for a channel that exists and an operator that runs. */
export async function arriveAtTranscode(harness: Harness, uid: string, session = 'film-1'): Promise<void> {
  await harness.until('a link', () => harness.edge.connected && harness.route(uid) !== null);
  harness.say({ type: 'synced' });
  harness.join(uid, 1, 5);
  harness.report(uid, { activeMode: 'Proxy' });
  const pod = () => harness.names(SERVED.pods).find((name) => name.startsWith(`${session}-`)) ?? '';
  await harness.until('a pod', () => pod() !== '');
  harness.podStatus(pod(), { phase: 'Running' });
  await harness.until('the session in the route', () => harness.route(uid)?.session?.name === session);
  harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture({ name: session }) });
  await harness.until('the mode', () => harness.channel().status?.mode === 'Transcode');
  await harness.until('the phase', () => harness.session(session)?.status?.phase === 'Running');
}

/** What has to stand at its end, whatever happened on the way. */
export function endOfRoad(harness: Harness, uid: string, session = 'film-1'): object {
  return {
    sessions: harness.names(SERVED.sessions),
    pods: harness.names(SERVED.pods),
    secrets: harness.names(SERVED.secrets),
    mode: harness.channel().status?.mode,
    desiredMode: harness.channel().status?.desiredMode,
    phase: harness.session(session)?.status?.phase,
    route: harness.route(uid)?.mode,
    // Names are never used again: a second session or pod in between would show here.
    podsEver: harness.created('pods'),
    sessionsEver: harness.created('streamsessions'),
  };
}

/** {@link endOfRoad} when all is well. */
export function goodEnd(): object {
  return {
    sessions: ['film-1'],
    pods: ['film-1-1'],
    secrets: ['film-1'],
    mode: 'Transcode',
    desiredMode: 'Transcode',
    phase: 'Running',
    route: 'Transcode',
    podsEver: 1,
    sessionsEver: 1,
  };
}

import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Harness, SERVED } from './testing/harness.ts';
import { driveToTranscode } from './testing/road.ts';

/** Back-offs and watches run so many times faster: a watch that is silent for 150 s is given up after 1.5 s. */
const SPEED = 100;

// A machine that does other things is slow; what a test waits for is bounded by the harness.
jest.setTimeout(60_000);

/** What the operator has done itself it knows, whatever a watch that has fallen behind still shows. */
describe('while the watch of StreamSessions says nothing', () => {
  let harness: Harness;
  let uid: string;

  beforeEach(async () => {
    harness = await Harness.create({ speed: SPEED });
    uid = await driveToTranscode(harness);
    const isWatch = { watch: true, plural: 'streamsessions' };
    harness.api.faults.plan({ kind: 'silent' }, isWatch);
    harness.api.dropConnections();
    await harness.until('the silent watch', () => harness.api.faults.unmet.length === 0);
  });

  afterEach(async () => {
    await harness.close();
  });

  test('a session that was deleted gets no pod any more', async () => {
    harness.leave(uid, 1, 5);
    await harness.until('Idle', () => harness.route(uid)?.mode === 'Idle');
    harness.report(uid, { activeMode: 'Idle', lastMsn: 200 });
    await harness.until('the end of the session', () => harness.names(SERVED.sessions).length === 0);
    harness.api.store.collectGarbage(); // its pod goes, and that watch works
    await harness.until('the end of the pod', () => harness.names(SERVED.pods).length === 0);
    await harness.quiet();
    expect(harness.created('pods')).toBe(1);
  });

  test('the session of a Channel that was deleted gets no pod any more', async () => {
    harness.api.store.delete(SERVED.channels, 'tv', 'film', undefined);
    await harness.until('the end of the route', () => harness.route(uid) === null);
    harness.api.store.collectGarbage();
    await harness.until('the end of the pod', () => harness.names(SERVED.pods).length === 0);
    await harness.quiet();
    expect(harness.created('pods')).toBe(1);
  });
});

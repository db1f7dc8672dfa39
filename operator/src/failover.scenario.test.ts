import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { firstOwnerTerm } from './channel/owners.ts';
import { sessionReportFixture } from './testing/fixtures.ts';
import { Harness, SERVED } from './testing/harness.ts';

const IMMEDIATE = { delivery: { hysteresisSeconds: 0 } };

describe('a second operator', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.create();
  });

  afterEach(async () => {
    await harness.close();
  });

  /** A channel that five watch and that is transcoded. @returns its uid */
  async function transcoding(): Promise<string> {
    const uid = harness.addChannel(IMMEDIATE);
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
    harness.join(uid, 1, 5);
    harness.report(uid, { activeMode: 'Proxy' });
    await harness.until('a pod', () => harness.names(SERVED.pods).includes('film-1-1'));
    harness.podStatus('film-1-1', { phase: 'Running' });
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture() });
    await harness.until('the mode', () => harness.channel().status?.mode === 'Transcode');
    await harness.until('the phase', () => harness.sessions()[0]?.status?.phase === 'Running');
    await harness.quiet();
    return uid;
  }

  test('follows everything as a warm standby, and touches neither API server nor edges', async () => {
    const uid = await transcoding();
    const links = harness.links();
    harness.api.requests.length = 0;
    const standby = await harness.standby();
    expect([standby.ready(), standby.live()]).toEqual([null, null]);
    harness.addChannel(IMMEDIATE, { name: 'other' });
    await harness.until('the other channel', () => harness.channel('other').status?.mode === 'Idle');
    const writes = harness.api.writes().filter(({ url }) => url.includes('/channels/other/status'));
    expect(writes).toHaveLength(1);
    expect([harness.links(), harness.route(uid)?.mode]).toEqual([links, 'Transcode']);
    await standby.stop();
  });

  test('goes on from where the first one stopped: no write, the same session and owners, a higher term', async () => {
    const uid = await transcoding();
    const before = harness.route(uid);
    const standby = await harness.standby();
    await harness.operator.stop();
    await harness.until('the link to end', () => !harness.edge.connected);
    harness.api.requests.length = 0;
    await harness.takeOver(standby);
    await harness.until('a link', () => harness.edge.connected);
    harness.join(uid, 1, 5, true);
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture() });
    harness.say({ type: 'synced' });
    await harness.until('the route', () => (harness.route(uid)?.ownerTerm ?? 0) > (before?.ownerTerm ?? 0));
    await harness.quiet();
    expect(harness.route(uid)).toMatchObject({ mode: 'Transcode', owners: before?.owners, session: before?.session });
    expect(harness.route(uid)?.ownerTerm).toBe(firstOwnerTerm(harness.term));
    expect(harness.api.writes().map(({ url }) => url)).toEqual([]);
  });
});

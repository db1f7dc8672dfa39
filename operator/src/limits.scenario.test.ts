import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { StreamSession } from '@sluice/crds';
import { Harness, SERVED } from './testing/harness.ts';

/** A machine with much else to do is slow; what a test waits for is bounded by the harness. */
jest.setTimeout(60_000);

/** Ten channels of one namespace, of which five may run, all watched by five. */
describe('the limits on running sessions', () => {
  const names = Array.from({ length: 10 }, (_, index) => `film-${'abcdefghij'[index]}`);
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.create();
  });

  afterEach(async () => {
    await harness.close();
  });

  function admitted(session: StreamSession): string | undefined {
    return session.status?.conditions?.find(({ type }) => type === 'Admitted')?.status;
  }

  /** Makes the channels and their viewers at once. @returns uids by name */
  async function tenAtOnce(metadata: (name: string) => object): Promise<ReadonlyMap<string, string>> {
    const uids = new Map<string, string>();
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
    for (const name of names) {
      const spec = { delivery: { hysteresisSeconds: 0 } };
      uids.set(name, harness.addChannel(spec, { name, ...metadata(name) }));
    }
    await harness.until('all routes', () => [...uids.values()].every((uid) => harness.route(uid) !== null));
    for (const uid of uids.values()) {
      harness.join(uid, 1, 5);
      harness.report(uid, { activeMode: 'Proxy' });
    }
    await harness.until(
      'an answer to all ten',
      // Not parsed: this is looked at very often.
      () => harness.api.store.list(SERVED.sessions).filter(({ status }) => status !== undefined).length === 10,
    );
    return uids;
  }

  function condition(channel: string) {
    const object = harness.api.store.get(SERVED.channels, 'tv', channel) as { status?: { conditions?: unknown } };
    const conditions = (object.status?.conditions ?? []) as readonly {
      type: string;
      reason: string;
      message: string;
    }[];
    return conditions.find(({ type }) => type === 'TranscodeHealthy');
  }

  test('let five of ten run that come at once, and the next as soon as one ends', async () => {
    await tenAtOnce(() => ({}));
    await harness.until('five pods', () => harness.names(SERVED.pods).length === 5);
    const waiting = harness.sessions().filter((session) => admitted(session) === 'False');
    expect(waiting).toHaveLength(5);
    expect(waiting[0]?.status).toMatchObject({ phase: 'Pending', restarts: 0 });
    expect(waiting[0]?.status?.podName).toBeUndefined();
    const message = '5 StreamSessions of namespace tv run, and the limit is 5: this one starts when one of them ends';
    expect(waiting[0]?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Admitted', status: 'False', reason: 'StreamLimitExceeded', message }),
    );
    const channel = String(waiting[0]?.spec.channelRef.name);
    await harness.until('the condition', () => condition(channel)?.reason === 'StreamLimitExceeded');
    expect(condition(channel)?.message).toBe(`StreamSession ${channel}-1: ${message}`);
    await harness.until(
      'events',
      () => harness.eventReasons().filter((reason) => reason === 'LimitExceeded').length === 10,
    );
    expect(harness.names(SERVED.pods)).toHaveLength(5);

    const running = harness.sessions().find((session) => admitted(session) === 'True');
    harness.api.store.delete(SERVED.sessions, 'tv', running?.metadata.name ?? '', undefined);
    harness.api.store.collectGarbage();
    const places = (): readonly string[] =>
      harness.sessions().flatMap((session) => (admitted(session) === 'True' ? session.metadata.name : []));
    await harness.until(
      'another one in its place',
      () => harness.names(SERVED.pods).length === 5 && places().length === 5,
    );
    expect(places()).not.toContain(running?.metadata.name);
    await harness.until('the event', () => harness.eventReasons().includes('SessionAdmitted'));
  });

  test('count by the owner that a Channel or its namespace names', async () => {
    const annotations = { 'sluice.dev/owner': 'studio' };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tv', annotations } };
    harness.api.store.create(SERVED.namespaces, namespace, 'kubectl');
    await tenAtOnce((name) => (name < 'film-d' ? { annotations: { 'sluice.dev/owner': 'alice' } } : {}));
    await harness.until('eight pods', () => harness.names(SERVED.pods).length === 8);
    const waiting = harness.sessions().filter((session) => admitted(session) === 'False');
    expect(waiting).toHaveLength(2);
    expect(waiting[0]?.status?.conditions?.[0]?.message).toContain('5 StreamSessions of owner studio run');
  });

  test('survive a restart of the operator: nobody loses a place, nobody gets one more', async () => {
    const uids = await tenAtOnce(() => ({}));
    await harness.until('five pods', () => harness.names(SERVED.pods).length === 5);
    const pods = [...harness.names(SERVED.pods)].sort();
    await harness.restart();
    await harness.until('a link', () => harness.edge.connected);
    for (const uid of uids.values()) harness.join(uid, 1, 5);
    harness.say({ type: 'synced' });
    await harness.until('routes', () => [...uids.values()].every((uid) => harness.route(uid)?.session != null));
    expect([...harness.names(SERVED.pods)].sort()).toEqual(pods);
  });
});

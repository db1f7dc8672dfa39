import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { type EdgeLinkKeys, makeEdgeKeys, makeOperatorKeys } from '../keys/link-keys.ts';
import { routeFixture } from '../testing/fixtures.ts';
import type { EdgeEndpoint } from './endpoints.ts';
import { FakeEdge } from './fake-edge.ts';
import { LinkHub } from './hub.ts';

const OPERATOR_KEY = makeOperatorKeys()['operator.key'];
const log = createLogger({ name: 'test', level: 'silent' });
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Told {
  seen: string[];
  lost: string[];
  gone: string[];
  messages: EdgeMessage[];
}

async function edgeOf(podUid: string, keys?: EdgeLinkKeys): Promise<{ edge: FakeEdge; keys: EdgeLinkKeys }> {
  const used = keys ?? (await makeEdgeKeys(OPERATOR_KEY, Date.now()));
  const edge = await FakeEdge.start(used, podUid);
  cleanups.push(() => edge.close());
  return { edge, keys: used };
}

function hubOf(
  keys: EdgeLinkKeys,
  operatorKey = OPERATOR_KEY,
  changed: () => void = () => {},
  counts: () => boolean = () => true,
): { hub: LinkHub; told: Told } {
  const told: Told = { seen: [], lost: [], gone: [], messages: [] };
  const hub = new LinkHub({
    identity: { edgeCertificate: keys['tls.crt'], operatorKey },
    term: () => 7,
    log,
    random: () => 0,
    counts,
    events: {
      seen: (edge) => told.seen.push(edge.podUid),
      connected: () => {},
      message: (_edge, message) => {
        told.messages.push(message);
        changed();
      },
      lost: (edge) => {
        told.lost.push(edge.podUid);
        changed();
      },
      gone: (edge) => told.gone.push(edge.podUid),
    },
  });
  cleanups.push(() => hub.close());
  return { hub, told };
}

const types = (edge: FakeEdge): string[] => edge.received.map(({ type }) => type);

describe('the links to the edges', () => {
  test('spare an edge the counts of channels that it has nothing to do with, until it is asked for one', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys, OPERATOR_KEY, undefined, () => false);
    const route = routeFixture({ uid: 'c1', owners: [] });
    hub.setRoute(route);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.received.length >= 2);
    const audience = { uid: 'c1', peak: 9, state: 'known', mode: 'Proxy', reason: '' } as const;
    for (const viewers of [1, 2]) hub.setAudience({ ...audience, viewers });
    hub.setRoute({ ...route, mode: 'Proxy' });
    await edge.until(() => types(edge).includes('route'));
    hub.watch('one', 'c1');
    await edge.until(() => types(edge).at(-1) === 'audience');
    expect(edge.received.slice(2)).toMatchObject([
      { type: 'audience', audience: { viewers: 1 } },
      { type: 'route' },
      { type: 'audience', audience: { viewers: 2 } },
    ]);
  });

  test('tell an edge that comes near a channel the count that it was spared', async () => {
    const { edge, keys } = await edgeOf('one');
    let isNear = false;
    const { hub } = hubOf(keys, OPERATOR_KEY, undefined, () => isNear);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => types(edge).length === 2);
    jest.useFakeTimers({ now: Date.now(), doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    const audience = { uid: 'c1', peak: 9, state: 'known', mode: 'Proxy', reason: '' } as const;
    for (const viewers of [1, 2]) hub.setAudience({ ...audience, viewers });
    jest.advanceTimersByTime(1_000); // the second count is told to those who are near
    isNear = true;
    jest.advanceTimersByTime(5_000);
    jest.useRealTimers();
    hub.setRoute(routeFixture({ uid: 'c1', owners: [] }));
    await edge.until(() => types(edge).includes('route'));
    expect(edge.received.slice(2)).toMatchObject([
      { type: 'audience', audience: { viewers: 1 } },
      { type: 'audience', audience: { viewers: 2 } },
      { type: 'route' },
    ]);
  });

  test('answer the edge that asks, and tell it of goodbyes, one by one', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.received.length >= 2);
    const [first, second] = ['0'.repeat(16), '1'.repeat(16)];
    hub.sendAdmission('one', { uid: 'c1', admitted: [first], refused: [], undecided: [] });
    hub.sendAdmission('one', { uid: 'c1', admitted: [], refused: [first, second], undecided: [] });
    hub.sendAdmission('unknown', { uid: 'c1', admitted: [second], refused: [], undecided: [] });
    for (const secondsAgo of [0, 0.5]) hub.sendLeave('one', { uid: 'c1', ids: [first], secondsAgo });
    await edge.until(() => edge.received.length >= 6);
    expect(edge.received.slice(2)).toEqual([
      { type: 'admission', uid: 'c1', admitted: [first], refused: [], undecided: [] },
      { type: 'admission', uid: 'c1', admitted: [], refused: [first, second], undecided: [] },
      { type: 'leave', uid: 'c1', ids: [first], secondsAgo: 0 },
      { type: 'leave', uid: 'c1', ids: [first], secondsAgo: 0.5 },
    ]);
  });

  test('tell the request headers of a source to those edges alone that may have to ask it', async () => {
    const first = await edgeOf('one');
    const other = await edgeOf('two', first.keys);
    const { hub } = hubOf(first.keys);
    const source = { uri: 'https://source.example/a.m3u8', headers: { authorization: 'Bearer secret' }, facts: null };
    const owner = { podName: 'edge-one', podUid: 'one', address: '10.0.0.1:8081' };
    hub.setRoute(routeFixture({ uid: 'c1', source, owners: [owner] }));
    hub.setEdges([first.edge.endpoint(), other.edge.endpoint()]);
    for (const { edge } of [first, other]) await edge.until(() => edge.received.length >= 2);
    hub.setRoute(routeFixture({ uid: 'c1', source, owners: [owner], mode: 'Proxy' }));
    hub.setRoute(routeFixture({ uid: 'c1', source, owners: [] }));
    for (const { edge } of [first, other]) await edge.until(() => edge.received.length >= 4);
    const secrets = ({ edge }: { edge: FakeEdge }): boolean[] =>
      edge.received.slice(1).map((message) => JSON.stringify(message).includes('Bearer secret'));
    expect([secrets(first), secrets(other)]).toEqual([
      [true, true, true],
      // Without owners a channel belongs to every edge.
      [false, false, true],
    ]);
  });

  test('begin with proof and snapshot and go on with changes only', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    const route = routeFixture({ uid: 'c1' });
    hub.setRoute(route);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.received.length >= 2);
    expect(edge.received[0]).toMatchObject({ type: 'hello', term: 7 });
    expect(edge.received[1]).toEqual({ type: 'snapshot', routes: [route], audiences: [] });
    expect(hub.setRoute({ ...route })).toBe(false);
    hub.setRoute({ ...route, mode: 'Proxy' });
    hub.setAudience({ uid: 'c1', viewers: 2, peak: 2, state: 'known', mode: 'Proxy', reason: '2 viewers' });
    hub.remove('c1');
    await edge.until(() => edge.received.length >= 5);
    expect(types(edge).slice(2)).toEqual(['route', 'audience', 'remove']);
  });

  test('tell the first count at once and those that follow together, each as it is then', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => types(edge).length === 2);
    const told = () => edge.received.flatMap((message) => (message.type === 'audience' ? [message.audience] : []));
    const count = (uid: string, viewers: number) =>
      hub.setAudience({ uid, viewers, peak: 9, state: 'known', mode: 'Proxy', reason: '' });
    count('c1', 1);
    count('c2', 1);
    count('c1', 2);
    count('c1', 3);
    count('c3', 1);
    hub.remove('c3');
    await edge.until(() => told().length === 1);
    expect(told()).toMatchObject([{ uid: 'c1', viewers: 1 }]);
    await edge.until(() => told().length === 3);
    expect(told().slice(1)).toMatchObject([
      { uid: 'c2', viewers: 1 },
      { uid: 'c1', viewers: 3 },
    ]);
  });

  test('hand on what the edge says, and skip messages of a newer edge', async () => {
    const { edge, keys } = await edgeOf('one');
    let arrived = (): void => {};
    const { hub, told } = hubOf(keys, OPERATOR_KEY, () => arrived());
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.connected);
    const said = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    edge.sayRaw(JSON.stringify({ type: 'weather', sunny: true }));
    edge.say({ type: 'synced' });
    await said;
    expect([told.messages, told.lost]).toEqual([[{ type: 'synced' }], []]);
  });

  const nonsense: readonly [string, string][] = [
    ['no JSON', '{'],
    ['a broken id', JSON.stringify({ type: 'viewers', uid: 'c', snapshot: false, joined: [], left: ['x'] })],
  ];
  test.each(nonsense)('start again with a snapshot after %s', async (_name, text) => {
    const { edge, keys } = await edgeOf('one');
    const { hub, told } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => types(edge).length === 2);
    edge.sayRaw(text);
    await edge.until(() => types(edge).length === 4);
    expect(types(edge)).toEqual(['hello', 'snapshot', 'hello', 'snapshot']);
    expect([told.lost, told.messages]).toEqual([['one'], []]);
  });

  test('come back after a cut and bring what was missed', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => types(edge).length === 2);
    edge.cut();
    await edge.until(() => !edge.connected);
    hub.setRoute(routeFixture({ uid: 'c2' }));
    await edge.until(() => types(edge).length >= 4);
    expect(edge.received.at(3)).toMatchObject({ type: 'snapshot', routes: [{ uid: 'c2' }] });
  });

  test('begin again with an edge that is to say everything again', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub, told } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => types(edge).length === 2);
    hub.askAgain('another');
    for (let wish = 0; wish < 2; wish += 1) hub.askAgain('one');
    await edge.until(() => types(edge).length === 4);
    expect(types(edge)).toEqual(['hello', 'snapshot', 'hello', 'snapshot']);
    expect(told.lost).toEqual(['one']);
  });

  test('do not prove the operator to a pod that is not the one dialled', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    let connections = 0;
    hub.setEdges([edge.endpoint('two')]);
    await edge.until(() => {
      connections += 1;
      return connections > 2;
    });
    expect(edge.received).toEqual([]);
  });

  test('trust no other certificate', async () => {
    const { edge } = await edgeOf('one');
    const { keys: others } = await edgeOf('two');
    const { hub } = hubOf(others);
    hub.setEdges([edge.endpoint()]);
    while (hub.attempts('one') === 0) await new Promise(setImmediate);
    expect([edge.connected, edge.refusals, hub.status().connected]).toEqual([false, [], 0]);
  });

  test('are refused with the key of another operator', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys, makeOperatorKeys()['operator.key']);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.refusals.length > 0);
    expect(edge.received).toEqual([]);
  });

  test('wait longer and longer for an edge that refuses this operator', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    for (let round = 1; round <= 3; round += 1) {
      await edge.until(() => types(edge).filter((type) => type === 'hello').length === round);
      edge.say({ type: 'refused', code: 'TERM_OVER', message: 'a newer operator was here' });
      edge.cut();
    }
    expect(hub.attempts('one')).toBeGreaterThanOrEqual(2);
  });

  test('wait longer and longer for an edge whose messages are not understood', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    for (let round = 1; round <= 3; round += 1) {
      await edge.until(() => types(edge).filter((type) => type === 'hello').length === round);
      edge.say({ type: 'synced' });
      edge.sayRaw('{');
    }
    await edge.until(() => types(edge).filter((type) => type === 'hello').length === 4);
    expect(hub.attempts('one')).toBeGreaterThanOrEqual(3);
  });

  test('tell that an edge is lost whose address changes', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub, told } = hubOf(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.connected);
    hub.setEdges([{ ...edge.endpoint(), linkAddress: '127.0.0.1:9' }]);
    expect(told.lost).toEqual(['one']);
  });

  test('follow the pods', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub, told } = hubOf(keys);
    const endpoint: EdgeEndpoint = edge.endpoint();
    hub.setEdges([{ ...endpoint, ready: false }]);
    await edge.until(() => edge.connected);
    hub.setEdges([endpoint]);
    hub.setEdges([]);
    await edge.until(() => !edge.connected);
    expect([told.seen, told.gone, told.lost]).toEqual([['one', 'one'], ['one'], []]);
  });

  test('bring more channels than one frame holds in frames that the edge accepts, the running ones first', async () => {
    const { edge, keys } = await edgeOf('one');
    const { hub } = hubOf(keys);
    const headers = { Cookie: 'c'.repeat(8_000) };
    const source = { uri: 'http://source.example/index.m3u8', headers, facts: factsFixture() };
    const routes: Route[] = Array.from({ length: 500 }, (_, index) =>
      routeFixture({ uid: `c${index}`, source, mode: index % 10 === 9 ? 'Proxy' : 'Idle' }),
    );
    for (const route of routes) hub.setRoute(route);
    hub.setEdges([edge.endpoint()]);
    const uids = new Set<string>();
    let looked = 0;
    await edge.until(() => {
      for (const message of edge.received.slice(looked)) {
        if (message.type === 'snapshot') for (const { uid } of message.routes) uids.add(uid);
        if (message.type === 'route') uids.add(message.route.uid);
      }
      looked = edge.received.length;
      return uids.size === 500;
    });
    expect(edge.received.length).toBeGreaterThan(2);
    const snapshot = edge.received.find((message) => message.type === 'snapshot');
    expect(snapshot?.routes.filter(({ mode }) => mode === 'Proxy').length).toBe(50);
  });
});

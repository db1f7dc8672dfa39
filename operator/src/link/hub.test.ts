import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { routeFixture } from '../testing/fixtures.ts';
import type { EdgeEndpoint } from './endpoints.ts';
import type { FakeEdge } from './fake-edge.ts';
import { HubStage, typesOf } from './hub-stage.testing.ts';

const stage = new HubStage();
afterEach(() => stage.close());

describe('the links to the edges', () => {
  test('spare an edge the counts of channels that it has nothing to do with, until it is asked for one', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys, { counts: () => false });
    const route = routeFixture({ uid: 'c1', owners: [] });
    hub.setRoute(route);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.received.length >= 2);
    const audience = { uid: 'c1', peak: 9, state: 'known', mode: 'Proxy', reason: '' } as const;
    for (const viewers of [1, 2]) hub.setAudience({ ...audience, viewers });
    hub.setRoute({ ...route, mode: 'Proxy' });
    await edge.until(() => typesOf(edge).includes('route'));
    hub.watch('one', 'c1');
    await edge.until(() => typesOf(edge).at(-1) === 'audience');
    expect(edge.received.slice(2)).toMatchObject([
      { type: 'audience', audience: { viewers: 1 } },
      { type: 'route' },
      { type: 'audience', audience: { viewers: 2 } },
    ]);
  });

  test('tell an edge that comes near a channel the count that it was spared', async () => {
    const { edge, keys } = await stage.edge('one');
    let isNear = false;
    const { hub } = stage.hub(keys, { counts: () => isNear });
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => typesOf(edge).length === 2);
    jest.useFakeTimers({ now: Date.now(), doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    const audience = { uid: 'c1', peak: 9, state: 'known', mode: 'Proxy', reason: '' } as const;
    for (const viewers of [1, 2]) hub.setAudience({ ...audience, viewers });
    jest.advanceTimersByTime(1_000); // the second count is told to those who are near
    isNear = true;
    jest.advanceTimersByTime(5_000);
    jest.useRealTimers();
    hub.setRoute(routeFixture({ uid: 'c1', owners: [] }));
    await edge.until(() => typesOf(edge).includes('route'));
    expect(edge.received.slice(2)).toMatchObject([
      { type: 'audience', audience: { viewers: 1 } },
      { type: 'audience', audience: { viewers: 2 } },
      { type: 'route' },
    ]);
  });

  test('answer the edge that asks, and tell it of goodbyes, one by one', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
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
    const first = await stage.edge('one');
    const other = await stage.edge('two', first.keys);
    const { hub } = stage.hub(first.keys);
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
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
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
    expect(typesOf(edge).slice(2)).toEqual(['route', 'audience', 'remove']);
  });

  test('tell the first count at once and those that follow together, each as it is then', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => typesOf(edge).length === 2);
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
    const { edge, keys } = await stage.edge('one');
    let arrived = (): void => {};
    const { hub, told } = stage.hub(keys, { changed: () => arrived() });
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

  test('tell that an edge is lost whose address changes', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub, told } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.connected);
    hub.setEdges([{ ...edge.endpoint(), linkAddress: '127.0.0.1:9' }]);
    expect(told.lost).toEqual(['one']);
  });

  test('follow the pods', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub, told } = stage.hub(keys);
    const endpoint: EdgeEndpoint = edge.endpoint();
    hub.setEdges([{ ...endpoint, ready: false }]);
    await edge.until(() => edge.connected);
    hub.setEdges([endpoint]);
    hub.setEdges([]);
    await edge.until(() => !edge.connected);
    expect([told.seen, told.gone, told.lost]).toEqual([['one', 'one'], ['one'], []]);
  });

  test('bring more channels than one frame holds in frames that the edge accepts, the running ones first', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
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

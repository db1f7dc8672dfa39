import { afterEach, describe, expect, test } from '@jest/globals';
import { makeOperatorKeys } from '../keys/link-keys.ts';
import { routeFixture } from '../testing/fixtures.ts';
import { HubStage, typesOf } from './hub-stage.testing.ts';

const stage = new HubStage();
afterEach(() => stage.close());

describe('the links to the edges, as they break,', () => {
  const nonsense: readonly [string, string][] = [
    ['no JSON', '{'],
    ['a broken id', JSON.stringify({ type: 'viewers', uid: 'c', snapshot: false, joined: [], left: ['x'] })],
  ];
  test.each(nonsense)('start again with a snapshot after %s', async (_name, text) => {
    const { edge, keys } = await stage.edge('one');
    const { hub, told } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => typesOf(edge).length === 2);
    edge.sayRaw(text);
    await edge.until(() => typesOf(edge).length === 4);
    expect(typesOf(edge)).toEqual(['hello', 'snapshot', 'hello', 'snapshot']);
    expect([told.lost, told.messages]).toEqual([['one'], []]);
  });

  test('come back after a cut and bring what was missed', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => typesOf(edge).length === 2);
    edge.cut();
    await edge.until(() => !edge.connected);
    hub.setRoute(routeFixture({ uid: 'c2' }));
    await edge.until(() => typesOf(edge).length >= 4);
    expect(edge.received.at(3)).toMatchObject({ type: 'snapshot', routes: [{ uid: 'c2' }] });
  });

  test('begin again with an edge that is to say everything again', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub, told } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => typesOf(edge).length === 2);
    hub.askAgain('another');
    for (let wish = 0; wish < 2; wish += 1) hub.askAgain('one');
    await edge.until(() => typesOf(edge).length === 4);
    expect(typesOf(edge)).toEqual(['hello', 'snapshot', 'hello', 'snapshot']);
    expect(told.lost).toEqual(['one']);
  });

  test('do not prove the operator to a pod that is not the one dialled', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
    let connections = 0;
    hub.setEdges([edge.endpoint('two')]);
    await edge.until(() => {
      connections += 1;
      return connections > 2;
    });
    expect(edge.received).toEqual([]);
  });

  test('trust no other certificate', async () => {
    const { edge } = await stage.edge('one');
    const { keys: others } = await stage.edge('two');
    const { hub } = stage.hub(others);
    hub.setEdges([edge.endpoint()]);
    while (hub.attempts('one') === 0) await new Promise(setImmediate);
    expect([edge.connected, edge.refusals, hub.status().connected]).toEqual([false, [], 0]);
  });

  test('are refused with the key of another operator', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys, { operatorKey: makeOperatorKeys()['operator.key'] });
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.refusals.length > 0);
    expect(edge.received).toEqual([]);
  });

  test('wait longer and longer for an edge that refuses this operator', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    for (let round = 1; round <= 3; round += 1) {
      await edge.until(() => typesOf(edge).filter((type) => type === 'hello').length === round);
      edge.say({ type: 'refused', code: 'TERM_OVER', message: 'a newer operator was here' });
      edge.cut();
    }
    expect(hub.attempts('one')).toBeGreaterThanOrEqual(2);
  });

  test('wait longer and longer for an edge whose messages are not understood', async () => {
    const { edge, keys } = await stage.edge('one');
    const { hub } = stage.hub(keys);
    hub.setEdges([edge.endpoint()]);
    for (let round = 1; round <= 3; round += 1) {
      await edge.until(() => typesOf(edge).filter((type) => type === 'hello').length === round);
      edge.say({ type: 'synced' });
      edge.sayRaw('{');
    }
    await edge.until(() => typesOf(edge).filter((type) => type === 'hello').length === 4);
    expect(hub.attempts('one')).toBeGreaterThanOrEqual(3);
  });
});

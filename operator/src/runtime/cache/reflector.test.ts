import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import type { JsonObject } from '../memory/fields.ts';
import { type FakeApiServer, startFakeApiServer } from '../testing/fake-api-server.ts';
import type { Fault, FaultMatch } from '../testing/faults.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { SERVED_WIDGET, WIDGET, type Widget, widget } from '../testing/widget.ts';
import { createReflector, type Reflector } from './reflector.ts';

/** Longer than any back-off: lets the reflector try again at once. */
const ANY_BACK_OFF_MILLISECONDS = 61_000;

describe('a reflector', () => {
  let server: FakeApiServer;
  let client: Client;
  let clock: ManualClock;
  let reflector: Reflector<Widget>;
  let changes: string[];
  let troubles: string[];

  beforeEach(async () => {
    server = await startFakeApiServer({ kinds: [SERVED_WIDGET] });
    client = createHttpClient({ connection: server.connection(), wait: async () => {} });
    clock = new ManualClock();
    changes = [];
    troubles = [];
    let words = 0;
    reflector = createReflector({
      client,
      type: WIDGET,
      now: () => ++words,
      clock,
      random: () => 0.5,
      onTrouble: (message) => troubles.push(message),
    });
    reflector.onChange(({ before, after }) => {
      changes.push(`${before?.spec.size ?? '-'}>${after?.spec.size ?? '-'}`);
    });
  });

  afterEach(async () => {
    await reflector.stop();
    await client.close();
    await server.close();
  });

  const put = (name: string, size: number) => client.apply(WIDGET, widget(name, { size }), 'one');
  const lists = () => server.requests.filter(({ method, watch }) => method === 'GET' && !watch).length;
  const isWatching = () => server.watches.size === 1;
  /** Lets back-offs pass until the store and the server agree again. */
  const converged = async () => {
    await until(() => {
      if (server.watches.size === 0 && clock.timers.length > 0) clock.advance(ANY_BACK_OFF_MILLISECONDS);
      const stored = server.store.list(SERVED_WIDGET).map((object) => (object.metadata as JsonObject).resourceVersion);
      const known = reflector.store.list().map(({ metadata }) => metadata.resourceVersion);
      return isWatching() && stored.sort().join() === known.sort().join();
    });
  };

  test('lists, then follows every change without listing again', async () => {
    await put('a', 1);
    reflector.start();
    await reflector.synced;
    await until(isWatching);
    await put('a', 2);
    await put('b', 3);
    await client.delete(WIDGET, { namespace: 'default', name: 'a' });
    await until(() => changes.length === 4);
    expect(changes).toEqual(['->1', '1>2', '->3', '2>-']);
    expect([lists(), troubles]).toEqual([1, []]);
  });

  test('lists in pages of 500', async () => {
    for (let number = 0; number < 501; number += 1) {
      server.store.create(SERVED_WIDGET, JSON.parse(JSON.stringify(widget(`w${number}`, { size: 1 }))), 'one');
    }
    reflector.start();
    await reflector.synced;
    expect([reflector.store.size, lists()]).toEqual([501, 2]);
  });

  test('keeps no managedFields', async () => {
    await put('a', 1);
    server.store.update(SERVED_WIDGET, 'default', 'a', ({ metadata }) => {
      (metadata as JsonObject).managedFields = [{ manager: 'one' }];
    });
    reflector.start();
    await reflector.synced;
    expect(reflector.store.list()[0]?.metadata).not.toHaveProperty('managedFields');
  });

  test('asks for bookmarks and a server timeout of 300 to 600 s', async () => {
    reflector.start();
    await until(isWatching);
    const query = new URL(server.requests.find(({ watch }) => watch)?.url ?? '', server.url).searchParams;
    expect([query.get('allowWatchBookmarks'), query.get('timeoutSeconds')]).toEqual(['true', '450']);
  });

  test('goes on from the last bookmark, so that a quiet kind is not listed again after compaction', async () => {
    reflector.start();
    await until(isWatching);
    server.forget(1);
    const heard = reflector.lastHeardAt;
    server.bookmark();
    await until(() => reflector.lastHeardAt > heard);
    clock.advance(2000);
    for (const watch of server.watches) watch.end();
    await until(isWatching);
    await put('a', 1);
    await until(() => changes.length === 1);
    expect([lists(), troubles]).toEqual([1, []]);
  });

  test('tells handlers that come later what is there already', async () => {
    await put('a', 1);
    reflector.start();
    await reflector.synced;
    const late: (Widget | null)[] = [];
    reflector.onChange(({ after }) => late.push(after));
    expect(late.map((object) => object?.metadata.name)).toEqual(['a']);
  });

  test('says of what was there from the beginning that it has not changed, also after another list', async () => {
    const told: string[] = [];
    reflector.onChange(({ after, initial }) => told.push(`${after?.metadata.name} ${initial}`));
    await put('a', 1);
    reflector.start();
    await reflector.synced;
    await until(isWatching);
    await put('b', 1);
    await until(() => told.length === 2);
    server.forget(1);
    server.dropConnections();
    await put('c', 1);
    await until(() => {
      if (!isWatching() && clock.timers.length > 0) clock.advance(ANY_BACK_OFF_MILLISECONDS);
      return told.length === 3;
    });
    expect(told).toEqual(['a true', 'b false', 'c false']);
  });

  test('reports a handler that throws and goes on', async () => {
    reflector.onChange(() => {
      throw new Error('no idea');
    });
    reflector.start();
    await until(isWatching);
    await put('a', 1);
    await put('b', 2);
    await until(() => changes.length === 2);
    expect(troubles).toEqual(Array(2).fill('a handler of widgets failed: no idea'));
  });

  test('leaves out an object that cannot be read, keeps what it knew of it, and removes it when it is deleted', async () => {
    await put('good', 1);
    await client.apply(WIDGET, widget('bad', { size: 'large' }), 'one').catch(() => {});
    reflector.start();
    await reflector.synced;
    await until(isWatching);
    expect(reflector.store.list().map(({ metadata }) => metadata.name)).toEqual(['good']);
    expect(troubles).toEqual([expect.stringContaining('Widget default/bad cannot be read and is left out')]);
    await client.apply(WIDGET, widget('good', { size: 'large' }), 'one').catch(() => {});
    await until(() => troubles.length === 2);
    expect(reflector.store.get('default/good')?.spec.size).toBe(1);
    server.forget(1);
    server.dropConnections();
    await until(() => server.watches.size === 0);
    await until(() => {
      if (clock.timers.length > 0) clock.advance(ANY_BACK_OFF_MILLISECONDS);
      return lists() === 2 && isWatching();
    });
    expect(reflector.store.get('default/good')?.spec.size).toBe(1);
    await client.delete(WIDGET, { namespace: 'default', name: 'good' });
    await until(() => changes.length === 2);
    expect(reflector.store.size).toBe(0);
  });

  test('tells an object that was recreated while nobody listened as a deletion and an addition', async () => {
    await put('a', 1);
    reflector.start();
    await until(isWatching);
    server.faults.plan({ kind: 'status', status: 500 }, { watch: true }, Infinity);
    server.dropConnections();
    await until(() => server.watches.size === 0);
    await client.delete(WIDGET, { namespace: 'default', name: 'a' });
    await put('a', 2);
    server.forget(1);
    server.faults.clear();
    await converged();
    expect(changes).toEqual(['->1', '1>-', '->2']);
  });

  test.each<[string, Fault, FaultMatch, number]>([
    ['a refused list', { kind: 'status', status: 500 }, { watch: false, method: 'GET' }, 3],
    ['a list that is no list', { kind: 'garbage' }, { watch: false, method: 'GET' }, 3],
    ['a refused watch', { kind: 'status', status: 403, reason: 'Forbidden' }, { watch: true }, 1],
    ['a watch without credentials', { kind: 'status', status: 401 }, { watch: true }, 1],
    ['an overloaded server', { kind: 'status', status: 429, retryAfterSeconds: 1 }, { watch: true }, 1],
    ['a broken connection', { kind: 'reset' }, { watch: true }, 2],
    ['an expired version', { kind: 'status', status: 410, reason: 'Expired' }, { watch: true }, 1],
    ['a stream that ends in an event', { kind: 'cut' }, { watch: true }, 1],
    ['an error in the stream', { kind: 'errorEvent', status: 500, reason: 'InternalError' }, { watch: true }, 1],
    ['an expired version in the stream', { kind: 'errorEvent', status: 410, reason: 'Expired' }, { watch: true }, 1],
    ['a watch that is no watch', { kind: 'garbage' }, { watch: true }, 1],
    ['a slow server', { kind: 'slow', milliseconds: 20 }, {}, 3],
  ])('converges after %s', async (_name, fault, match, times) => {
    await put('a', 1);
    server.faults.plan(fault, match, times);
    reflector.start();
    await until(() => {
      if (!isWatching() && clock.timers.length > 0) clock.advance(ANY_BACK_OFF_MILLISECONDS);
      return server.requests.length > 1;
    });
    await put('a', 2);
    await put('b', 3);
    await converged();
    expect(reflector.store.get('default/a')?.spec.size).toBe(2);
  });

  test('gives up a watch on which nothing was heard for 150 s, and misses nothing by it', async () => {
    server.faults.plan({ kind: 'silent' }, { watch: true });
    reflector.start();
    await until(isWatching);
    await put('a', 1);
    clock.advance(150_000);
    await until(() => troubles.length === 1);
    expect(troubles).toEqual(['widgets: watch widgets: nothing heard for 150 s, not even a bookmark']);
    await converged();
    expect(changes).toEqual(['->1']);
  });

  test('finds back to a server that was restored to an older state, where its watch stays silent', async () => {
    await put('a', 1);
    await put('b', 1);
    reflector.start();
    await until(isWatching);
    server.forget(-50);
    server.dropConnections();
    await until(() => troubles.length === 1 && clock.timers.length > 0);
    server.store.delete(SERVED_WIDGET, 'default', 'b', undefined);
    clock.advance(ANY_BACK_OFF_MILLISECONDS);
    await until(isWatching);
    expect(reflector.store.size).toBe(2);
    clock.advance(150_000);
    await until(() => server.watches.size === 0);
    await converged();
    expect(reflector.store.list().map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  test.each<[string, Fault]>([
    ['410', { kind: 'status', status: 410, reason: 'Expired' }],
    ['410 in the stream', { kind: 'errorEvent', status: 410, reason: 'Expired' }],
    [
      'Too large resource version',
      { kind: 'errorEvent', status: 504, reason: 'Timeout', message: 'Too large resource version: 9, current: 5' },
    ],
  ])('lists again after %s, and only then', async (_name, fault) => {
    server.faults.plan({ kind: 'status', status: 500 }, { watch: true });
    server.faults.plan(fault, { watch: true });
    reflector.start();
    await until(() => troubles.length === 1 && clock.timers.length > 0);
    clock.advance(ANY_BACK_OFF_MILLISECONDS);
    await until(() => server.requests.filter(({ watch }) => watch).length === 2 || isWatching());
    await put('a', 1);
    await until(() => troubles.length === 2 && clock.timers.length > 0);
    expect(lists()).toBe(1);
    clock.advance(ANY_BACK_OFF_MILLISECONDS);
    await until(isWatching);
    expect([lists(), changes]).toEqual([2, ['->1']]);
  });

  test('ignores duplicates and events that come late', async () => {
    await put('a', 1);
    const first = server.store.get(SERVED_WIDGET, 'default', 'a');
    const second = await put('a', 2);
    const script: Pick<Client, 'list' | 'watch'> = {
      list: async () => ({ items: [], resourceVersion: '1', continueToken: '' }),
      async *watch(_type, _options, signal) {
        yield { type: 'ADDED', object: first };
        yield { type: 'MODIFIED', object: second };
        yield { type: 'MODIFIED', object: first };
        yield { type: 'DELETED', object: first };
        yield { type: 'MODIFIED', object: second };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    const scripted = createReflector({ client: script, type: WIDGET, clock });
    const seen: string[] = [];
    scripted.onChange(({ before, after }) => seen.push(`${before?.spec.size ?? '-'}>${after?.spec.size ?? '-'}`));
    scripted.start();
    await until(() => seen.length >= 2);
    await scripted.stop();
    expect(seen).toEqual(['->1', '1>2']);
  });

  test('does not storm a server that ends every watch at once', async () => {
    reflector.start();
    await until(isWatching);
    for (const watch of server.watches) watch.end();
    await until(() => server.watches.size === 0 && clock.timers.length > 0);
    const requests = server.requests.length;
    clock.advance(1199);
    await turns(20);
    expect(server.requests).toHaveLength(requests);
    clock.advance(1);
    await until(isWatching);
  });

  test('waits as long as an overloaded server asks', async () => {
    server.faults.plan({ kind: 'status', status: 429, retryAfterSeconds: 45 }, { watch: true });
    reflector.start();
    await until(() => troubles.length === 1 && clock.timers.length === 1);
    expect(clock.timers).toEqual([45_000]);
  });

  test.each<[string, Fault | null]>([
    ['in a list', { kind: 'silent' }],
    ['between attempts', { kind: 'status', status: 403 }],
    ['in a watch', null],
  ])('leaves neither connection nor timer behind when it is stopped %s', async (_name, fault) => {
    if (fault !== null) server.faults.plan(fault, {}, Infinity);
    reflector.start();
    await (fault?.kind === 'status' ? until(() => clock.timers.length > 0) : turns(20));
    await reflector.stop();
    await until(() => server.watches.size === 0);
    expect(clock.timers).toEqual([]);
  });
});

/** Waits for what happens over a real socket; a run that waits for ever is ended by the test's own timeout. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

/** Lets a number of turns of the event loop pass. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client, WatchEvent } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import type { JsonObject } from '../memory/fields.ts';
import { matchesLabels } from '../memory/selection.ts';
import { type FakeApiServer, startFakeApiServer } from './fake-api-server.ts';
import { SERVED_WIDGET, WIDGET, type Widget, widget, widgetStatus } from './widget.ts';

const FILM = { namespace: 'default', name: 'film' };

describe('the fake API server', () => {
  let server: FakeApiServer;
  let client: Client;

  beforeEach(async () => {
    server = await startFakeApiServer({ kinds: [SERVED_WIDGET] });
    client = createHttpClient({ connection: server.connection(), wait: async () => {} });
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  test('makes uid, generation and version at creation, and refuses a taken name', async () => {
    const made = await client.create(WIDGET, widget('film', { size: 1 }));
    expect(made.metadata).toMatchObject({ generation: 1, resourceVersion: String(server.store.resourceVersion) });
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    await expect(client.create(WIDGET, widget('film', { size: 1 }))).rejects.toMatchObject({
      code: 'AlreadyExists',
      status: 409,
    });
  });

  test('removes fields that their manager applied before and no longer does, but none of another manager', async () => {
    await client.apply(WIDGET, widget('film', { size: 1, colour: 'red' }), 'one');
    await client.apply(WIDGET, widget('film', { size: 1 }, { labels: { tier: 'test' } }), 'two');
    const after = await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    expect(after.spec).toEqual({ size: 2 });
    expect(after.metadata.labels).toEqual({ tier: 'test' });
  });

  test('keeps a field that two managers set when one of them drops it', async () => {
    await client.apply(WIDGET, widget('film', { size: 1, colour: 'red' }), 'one');
    await client.apply(WIDGET, widget('film', { size: 1, colour: 'red' }), 'two');
    const after = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(after.spec).toEqual({ size: 1, colour: 'red' });
  });

  test('makes no version for an apply that changes nothing, and no generation for a status', async () => {
    const first = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const again = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    await client.applyStatus(WIDGET, widgetStatus('film', { ready: true }), 'one');
    const reported = await client.get(WIDGET, FILM);
    expect(reported).toMatchObject({ status: { ready: true }, spec: { size: 1 }, metadata: { generation: 1 } });
    const changed = await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    expect(changed).toMatchObject({ status: { ready: true }, metadata: { generation: 2 } });
  });

  test('refuses a status of an object that does not exist', async () => {
    const report = client.applyStatus(WIDGET, widgetStatus('film', { ready: true }), 'one');
    await expect(report).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('keeps a deleted object until its finalizers are gone', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }, { finalizers: ['example.com/hold'] }), 'one');
    expect(await client.delete(WIDGET, FILM)).toBe(true);
    expect((await client.get(WIDGET, FILM))?.metadata.deletionTimestamp).toBeDefined();
    server.store.update(SERVED_WIDGET, 'default', 'film', (object) => {
      (object.metadata as JsonObject).finalizers = [];
    });
    expect(await client.get(WIDGET, FILM)).toBeNull();
  });

  test('refuses a change of the name, which would leave two objects', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const renamed = ({ metadata }: JsonObject) => Object.assign(metadata as JsonObject, { name: 'news' });
    const change = () => server.store.update(SERVED_WIDGET, 'default', 'film', (object) => void renamed(object));
    expect(change).toThrow('metadata.name: cannot be changed');
    expect((await client.list(WIDGET, {}, { limit: 9, continueToken: '' })).items).toHaveLength(1);
  });

  test('collects what has only owners that are gone, down to the last generation', async () => {
    const parent = await client.apply(WIDGET, widget('parent', { size: 1 }), 'one');
    const child = await client.apply(
      WIDGET,
      widget('child', { size: 1 }, { ownerReferences: [{ uid: parent.metadata.uid }] }),
      'one',
    );
    await client.apply(
      WIDGET,
      widget('grandchild', { size: 1 }, { ownerReferences: [{ uid: child.metadata.uid }] }),
      'one',
    );
    expect(server.store.collectGarbage()).toBe(0);
    await client.delete(WIDGET, { namespace: 'default', name: 'parent' });
    expect(server.store.collectGarbage()).toBe(2);
  });

  test('refuses a list of the future', async () => {
    const page = { limit: 2, continueToken: '', resourceVersion: '999999' };
    const message = expect.stringContaining('Too large resource version');
    await expect(client.list(WIDGET, {}, page)).rejects.toMatchObject({ code: 'Timeout', status: 504, message });
  });

  test('pages a list without gaps while objects go', async () => {
    for (const name of ['a', 'b', 'c']) await client.apply(WIDGET, widget(name, { size: 1 }), 'one');
    const first = await client.list(WIDGET, {}, { limit: 2, continueToken: '' });
    await client.delete(WIDGET, { namespace: 'default', name: 'a' });
    const second = await client.list(WIDGET, {}, { limit: 2, continueToken: first.continueToken });
    const names = [...first.items, ...second.items].map((item) => (item as Widget).metadata.name);
    expect([names, second.continueToken]).toEqual([['a', 'b', 'c'], '']);
    expect(second.resourceVersion).toBe(first.resourceVersion);
    const broken = client.list(WIDGET, {}, { limit: 1, continueToken: 'x' });
    await expect(broken).rejects.toMatchObject({ status: 400 });
  });

  test('selects by labels', async () => {
    for (const name of ['a', 'b', 'c']) {
      await client.apply(WIDGET, widget(name, { size: 1 }, { labels: { odd: String(name !== 'b') } }), 'one');
    }
    const odd = await client.list(WIDGET, { labelSelector: 'odd=true' }, { limit: 9, continueToken: '' });
    expect(odd.items).toHaveLength(2);
  });

  test('shows an object that leaves the selection of a watch as deleted', async () => {
    const { resourceVersion } = await client.list(WIDGET, {}, { limit: 1, continueToken: '' });
    const watching = new AbortController();
    const events: WatchEvent[] = [];
    const selection = { labelSelector: 'on', resourceVersion, timeoutSeconds: 60 };
    const done = (async () => {
      for await (const event of client.watch(WIDGET, selection, watching.signal)) {
        events.push(event);
        if (event.type === 'BOOKMARK') return;
      }
    })();
    while (server.watches.size === 0) await new Promise(setImmediate);
    await client.apply(WIDGET, widget('film', { size: 1 }, { labels: { on: 'yes' } }), 'one');
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    server.bookmark();
    await done;
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'DELETED', 'BOOKMARK']);
  });

  test('keeps no watch of somebody who has gone before it was opened', async () => {
    const { resourceVersion } = await client.list(WIDGET, {}, { limit: 1, continueToken: '' });
    server.faults.plan({ kind: 'slow', milliseconds: 30 }, { watch: true });
    const giving = new AbortController();
    const events = client.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, giving.signal);
    const first = events[Symbol.asyncIterator]().next();
    while (server.faults.unmet.length > 0) await new Promise(setImmediate);
    giving.abort();
    await first.catch(() => undefined);
    while (!server.requests.some(({ watch }) => watch)) await new Promise(setImmediate);
    expect(server.watches.size).toBe(0);
  });

  test('refuses a watch from a compacted version', async () => {
    server.forget(1);
    const events = client.watch(WIDGET, { resourceVersion: '1', timeoutSeconds: 60 }, new AbortController().signal);
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ status: 410, code: 'Expired' });
  });

  test('refuses a list of a version of the future', async () => {
    const page = client.list(WIDGET, {}, { limit: 1, continueToken: '', resourceVersion: '999999' });
    await expect(page).rejects.toMatchObject({
      status: 504,
      code: 'Timeout',
      message: expect.stringContaining('Too large resource version'),
    });
  });
});

describe('label selectors', () => {
  test.each([
    ['a=1', true],
    ['a==1,b', true],
    ['a=2', false],
    ['b,a=1', true],
    ['b=', true],
    ['missing', false],
    ['toString', false],
    ['', true],
  ])('%s is %s for a=1,b=', (selector, expected) => {
    expect(matchesLabels(selector, { a: '1', b: '' })).toBe(expected);
  });

  test.each(['a!=1', '!a', 'a in (1,2)', 'a notin (1)', 'a, b'])('%s is refused', (selector) => {
    expect(() => matchesLabels(selector, { a: '1' })).toThrow('only a and a=b are known');
  });
});

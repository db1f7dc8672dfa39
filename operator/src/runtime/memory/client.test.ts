import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { createReflector } from '../cache/reflector.ts';
import type { Client, WatchEvent } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import { type MemoryApiServer, startMemoryApiServer } from '../testing/api-server.ts';
import { SERVED_WIDGET, WIDGET, widget, widgetStatus } from '../testing/widget.ts';
import { createMemoryClient } from './client.ts';
import { type JsonObject, metadataOf } from './fields.ts';
import { History } from './history.ts';
import { ObjectStore, type ServedKind } from './object-store.ts';
import { invalid } from './validation.ts';

const FILM = { namespace: 'default', name: 'film' };
const ALL = { limit: 100, continueToken: '' };

/** Widgets that have a default colour, never shrink, and take two seconds to go. */
const KIND: ServedKind = {
  ...SERVED_WIDGET,
  hasScale: true,
  admit(object, before) {
    const size = (value: JsonObject) => Number((value.spec as JsonObject).size);
    const isSmaller = before !== null && size(object) < size(before);
    if (isSmaller) throw invalid(KIND, object, [{ path: 'spec.size', message: 'must not shrink' }]);
    return { ...object, spec: { colour: 'grey', ...(object.spec as JsonObject) } };
  },
  graceSeconds: () => 2,
};
const UNKNOWN = { ...WIDGET, plural: 'gadgets', kind: 'Gadget' };

interface Made {
  readonly client: Client;
  close(): Promise<void>;
}

/** The two ways to the same store: what holds for one holds for the other. */
const CLIENTS: readonly (readonly [string, (store: ObjectStore) => Promise<Made>])[] = [
  ['in memory', async (store) => ({ client: createMemoryClient(store), close: async () => {} })],
  ['over HTTP', overHttp],
];

async function overHttp(store: ObjectStore): Promise<Made> {
  const server: MemoryApiServer = await startMemoryApiServer(store, { address: '127.0.0.1', port: 0 });
  const connection = { server: server.url, authorization: async () => ({}), createDispatcher: () => new Agent() };
  return { client: createHttpClient({ connection, wait: async () => {} }), close: () => server.close() };
}

describe.each(CLIENTS)('a client %s', (_name, make) => {
  let store: ObjectStore;
  let client: Client;
  let made: Made;
  let now: number;

  beforeEach(async () => {
    now = Date.UTC(2026, 10, 21);
    store = new ObjectStore({ kinds: [KIND], now: () => now, history: new History(20) });
    made = await make(store);
    client = made.client;
  });

  afterEach(async () => {
    await client.close();
    await made.close();
  });

  test('reads and sets the scale of an object, and nothing else of it', async () => {
    expect(await client.getScale(WIDGET, FILM)).toBeNull();
    await expect(client.applyScale(WIDGET, FILM, 3, 'scaler')).rejects.toMatchObject({ code: 'NotFound' });
    const { metadata } = await client.create(WIDGET, widget('film', { size: 1 }));
    await client.applyScale(WIDGET, FILM, 3, 'scaler');
    expect(await client.getScale(WIDGET, FILM)).toEqual({ metadata: { ...FILM, uid: metadata.uid }, replicas: 3 });
    expect(store.get(KIND, 'default', 'film').spec).toEqual({ size: 1, colour: 'grey', replicas: 3 });
    await expect(client.applyScale(WIDGET, FILM, -1, 'scaler')).rejects.toMatchObject({ code: 'Invalid' });
  });

  /** The types and names of the first `count` events after a version. */
  async function events(count: number, options: object, act: () => Promise<unknown>): Promise<readonly string[]> {
    const seen: WatchEvent[] = [];
    const stop = new AbortController();
    const { resourceVersion } = await client.list(WIDGET, {}, ALL);
    const reading = (async () => {
      const all = client.watch(WIDGET, { resourceVersion, timeoutSeconds: 60, ...options }, stop.signal);
      for await (const event of all) {
        seen.push(event);
        if (seen.length === count) break;
      }
    })();
    await act();
    await reading;
    stop.abort();
    return seen.map(({ type, object }) => `${type} ${metadataOf(object as JsonObject).name}`);
  }

  test('creates with uid, generation, version and defaults, and refuses a taken name', async () => {
    const film = await client.create(WIDGET, widget('film', { size: 1 }));
    expect(film).toMatchObject({ spec: { size: 1, colour: 'grey' }, metadata: { generation: 1 } });
    expect(film.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.get(WIDGET, FILM)).toEqual(film);
    const again = client.create(WIDGET, widget('film', { size: 1 }));
    await expect(again).rejects.toMatchObject({ code: 'AlreadyExists', status: 409, retryable: false });
  });

  test.each<[string, (client: Client) => Promise<unknown>, object]>([
    ['an unknown kind', (it) => it.list(UNKNOWN, {}, ALL), { code: 'NotServed', status: 404 }],
    ['no name', (it) => it.create(WIDGET, widget('', { size: 1 })), { code: 'Invalid', status: 422 }],
    [
      'no namespace',
      (it) => it.create(WIDGET, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' } }),
      { status: 405 },
    ],
    [
      'a status without an object',
      (it) => it.applyStatus(WIDGET, widgetStatus('film', { ready: true }), 'one'),
      { code: 'NotFound', status: 404 },
    ],
    [
      'a uid without an object',
      (it) => it.apply(WIDGET, widget('film', { size: 1 }, { uid: 'u' }), 'one'),
      { code: 'Conflict', status: 409 },
    ],
    [
      'an object that its own type cannot read',
      (it) => it.create(WIDGET, widget('film', { size: 'large' })),
      { code: 'UnreadableObject' },
    ],
  ])('refuses %s', async (_what, call, expected) => {
    await expect(call(client)).rejects.toMatchObject({ name: 'ApiError', ...expected });
  });

  test('refuses what the kind refuses, naming the object', async () => {
    await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    const shrunk = client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const message = expect.stringContaining('Widget "film" is invalid: spec.size: must not shrink');
    await expect(shrunk).rejects.toMatchObject({ code: 'Invalid', status: 422, message });
  });

  test('removes what a manager no longer applies, but nothing of another manager', async () => {
    await client.apply(WIDGET, widget('film', { size: 1, colour: 'red' }), 'one');
    await client.apply(WIDGET, widget('film', { size: 1 }, { labels: { tier: 'test' } }), 'two');
    const after = await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    expect(after).toMatchObject({ spec: { size: 2, colour: 'grey' }, metadata: { labels: { tier: 'test' } } });
  });

  test('makes no version for an apply that changes nothing, and no generation for a status', async () => {
    const first = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const again = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const status = { ...widgetStatus('film', {}), status: { ready: true } };
    const { metadata } = await client.applyStatus(WIDGET, status, 'one');
    const reported = await client.get(WIDGET, FILM);
    expect(metadata).toMatchObject({
      uid: reported?.metadata.uid,
      resourceVersion: reported?.metadata.resourceVersion,
    });
    expect(reported).toMatchObject({ status: { ready: true }, metadata: { generation: 1 } });
    const changed = await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    expect(changed).toMatchObject({ status: { ready: true }, metadata: { generation: 2 } });
  });

  test('refuses a write that is meant for another version', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const late = client.apply(WIDGET, widget('film', { size: 2 }, { resourceVersion: '1' }), 'one');
    await expect(late).rejects.toMatchObject({ code: 'Conflict', status: 409, retryable: true });
  });

  test('deletes gracefully: a timestamp first, the end when somebody confirms it', async () => {
    const { metadata } = await client.create(WIDGET, widget('film', { size: 1 }));
    const uid = String(metadata.uid);
    expect(await client.delete(WIDGET, FILM)).toBe(true);
    expect((await client.get(WIDGET, FILM))?.metadata.deletionTimestamp).toBe('2026-11-21T00:00:02Z');
    expect(await client.delete(WIDGET, FILM, { gracePeriodSeconds: 0, uid: 'other' })).toBe(false);
    expect(await client.delete(WIDGET, FILM, { gracePeriodSeconds: 0, uid })).toBe(true);
    expect(await client.get(WIDGET, FILM)).toBeNull();
    expect(await client.delete(WIDGET, FILM)).toBe(false);
  });

  test('keeps a deleted object until its finalizers are gone', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }, { finalizers: ['example.com/hold'] }), 'one');
    await client.delete(WIDGET, FILM, { gracePeriodSeconds: 0 });
    expect((await client.get(WIDGET, FILM))?.metadata.deletionTimestamp).toBeDefined();
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(await client.get(WIDGET, FILM)).toBeNull();
  });

  test('watches what a selection gains, changes and loses', async () => {
    const on = { labels: { on: 'yes' } };
    const seen = await events(3, { labelSelector: 'on' }, async () => {
      await client.apply(WIDGET, widget('other', { size: 1 }), 'one');
      await client.apply(WIDGET, widget('film', { size: 1 }, on), 'one');
      await client.apply(WIDGET, widget('film', { size: 2 }, on), 'one');
      await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
    });
    expect(seen).toEqual(['ADDED film', 'MODIFIED film', 'DELETED film']);
  });

  test('refuses a watch from a version that is forgotten, and no other', async () => {
    const { resourceVersion } = await client.list(WIDGET, {}, ALL);
    for (let size = 1; size <= 50; size += 1) await client.apply(WIDGET, widget('film', { size }), 'one');
    const options = { resourceVersion, timeoutSeconds: 60 };
    const watch = client.watch(WIDGET, options, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ status: 410, code: 'Expired' });
  });

  test('ends a watch that is called off with an error, as any broken one', async () => {
    const stop = new AbortController();
    const { resourceVersion } = await client.list(WIDGET, {}, ALL);
    const next = client
      .watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, stop.signal)
      [Symbol.asyncIterator]()
      .next();
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(next).rejects.toThrow();
  });

  test('feeds a reflector', async () => {
    await client.create(WIDGET, widget('film', { size: 1 }));
    const reflector = createReflector({ client, type: WIDGET });
    const changed = new Promise<number | undefined>((resolve) => {
      reflector.onChange(({ after }) => after?.spec.size === 5 && resolve(after.spec.size));
    });
    reflector.start();
    await reflector.synced;
    await client.apply(WIDGET, widget('film', { size: 5 }), 'one');
    expect(await changed).toBe(5);
    await reflector.stop();
  });

  test('gives objects that nobody can change for others', async () => {
    await client.create(WIDGET, widget('film', { size: 1 }));
    const [item] = (await client.list(WIDGET, {}, ALL)).items;
    try {
      (item as { spec: JsonObject }).spec.size = 9;
    } catch {
      // In memory it is frozen; over HTTP it is a copy.
    }
    expect((await client.get(WIDGET, FILM))?.spec.size).toBe(1);
  });
});

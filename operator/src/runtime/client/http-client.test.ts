import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { type FakeApiServer, startFakeApiServer } from '../testing/fake-api-server.ts';
import type { Fault } from '../testing/faults.ts';
import { SERVED_WIDGET, WIDGET, widget, widgetStatus } from '../testing/widget.ts';
import type { Client, WatchEvent } from './client.ts';
import { createHttpClient } from './http-client.ts';

const FILM = { namespace: 'default', name: 'film' };

describe('the HTTP client', () => {
  let server: FakeApiServer;
  let client: Client;
  let token: string;
  let clientToken: string;
  let waits: number[];
  let calls: string[];

  beforeEach(async () => {
    token = 'first';
    clientToken = 'first';
    waits = [];
    calls = [];
    server = await startFakeApiServer({ kinds: [SERVED_WIDGET], token: () => token });
    client = createHttpClient({
      connection: {
        ...server.connection(),
        authorization: async () => ({ authorization: `Bearer ${clientToken}` }),
      },
      wait: async (milliseconds) => waits.push(milliseconds),
      observer: { onCall: (method, code) => calls.push(`${method} ${code}`) },
    });
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  test('gives null for an object that does not exist, and false for deleting it', async () => {
    expect(await client.get(WIDGET, FILM)).toBeNull();
    expect(await client.delete(WIDGET, FILM)).toBe(false);
  });

  test('tells an unknown kind from a missing object', async () => {
    const unknown = { ...WIDGET, plural: 'gadgets', kind: 'Gadget' };
    await expect(client.get(unknown, FILM)).rejects.toMatchObject({ code: 'NotServed', retryable: true });
  });

  test('deletes only the object of the uid that it is told', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(await client.delete(WIDGET, FILM, { uid: 'another' })).toBe(false);
    expect(await client.get(WIDGET, FILM)).not.toBeNull();
    expect(await client.delete(WIDGET, FILM)).toBe(true);
    expect(await client.get(WIDGET, FILM)).toBeNull();
  });

  test('takes a conflict over an object that is still there for no deletion', async () => {
    const { metadata } = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    server.faults.plan({ kind: 'status', status: 409, reason: 'Conflict' }, { method: 'DELETE' });
    const removal = () => client.delete(WIDGET, FILM, { uid: metadata.uid ?? '' });
    await expect(removal()).rejects.toMatchObject({ code: 'Conflict', retryable: true });
    expect(await removal()).toBe(true);
    expect(await client.get(WIDGET, FILM)).toBeNull();
  });

  test('names the kind of an object that cannot be read, and says that trying again is of no use', async () => {
    const write = client.apply(WIDGET, widget('film', { size: 'large' }), 'one');
    const expected = { code: 'UnreadableObject', retryable: false, message: expect.stringContaining('Widget') };
    await expect(write).rejects.toMatchObject(expected);
    await expect(client.get(WIDGET, FILM)).rejects.toMatchObject(expected);
  });

  test('asks for the metadata alone in answer to a status', async () => {
    const { metadata } = await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    const blind: typeof WIDGET = {
      ...WIDGET,
      parse() {
        throw new Error('the answer was read');
      },
    };
    const written = await client.applyStatus(blind, widgetStatus('film', { ready: true }), 'one');
    expect(server.requests.at(-1)?.accept).toMatch(/^application\/json;as=PartialObjectMetadata;/);
    const film = await client.get(WIDGET, FILM);
    expect(film?.status).toEqual({ ready: true });
    expect(written.metadata).toEqual({ ...FILM, uid: metadata.uid, resourceVersion: film?.metadata.resourceVersion });
  });

  test('keeps names in their place in paths', async () => {
    await client.get(WIDGET, { namespace: 'default', name: '../../secrets/x?y' });
    expect(server.requests[0]).toMatchObject({ plural: 'widgets', name: '../../secrets/x?y' });
  });

  test.each<[string, Fault, number[]]>([
    ['as long as the server asks', { kind: 'status', status: 429, retryAfterSeconds: 3 }, [3000]],
    ['shortly for a server error', { kind: 'status', status: 503 }, [200]],
    ['shortly for a connection that breaks', { kind: 'reset' }, [200]],
    ['shortly for an answer that is no JSON', { kind: 'garbage' }, [200]],
  ])('repeats a read after waiting %s', async (_name, fault, expected) => {
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    server.faults.plan(fault, { method: 'GET' });
    expect(await client.get(WIDGET, FILM)).not.toBeNull();
    expect(waits).toEqual(expected);
  });

  test('gives up a read after three attempts', async () => {
    server.faults.plan({ kind: 'status', status: 500, reason: 'InternalError' }, {}, Infinity);
    await expect(client.get(WIDGET, FILM)).rejects.toMatchObject({ code: 'InternalError', retryable: true });
    expect(server.requests).toHaveLength(3);
  });

  test('leaves a long Retry-After to the caller', async () => {
    server.faults.plan({ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 60 });
    await expect(client.get(WIDGET, FILM)).rejects.toMatchObject({ code: 'TooManyRequests', retryAfterSeconds: 60 });
    expect(waits).toEqual([]);
  });

  test('repeats a write only where the server refused it unread', async () => {
    server.faults.plan({ kind: 'status', status: 429, retryAfterSeconds: 1 }, { method: 'PATCH' });
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    expect(waits).toEqual([1000]);
    server.faults.plan({ kind: 'status', status: 500 }, { method: 'PATCH' });
    await expect(client.apply(WIDGET, widget('film', { size: 2 }), 'one')).rejects.toMatchObject({ status: 500 });
    server.faults.plan({ kind: 'reset' }, { method: 'POST' });
    await expect(client.create(WIDGET, widget('other', { size: 1 }))).rejects.toMatchObject({ code: 'Unreachable' });
    expect(server.writes()).toHaveLength(4);
  });

  test('gives the words and the kind of a refusal', async () => {
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    await expect(client.create(WIDGET, widget('film', { size: 1 }))).rejects.toMatchObject({
      name: 'ApiError',
      code: 'AlreadyExists',
      status: 409,
      retryable: false,
      message: 'POST /apis/example.com/v1/namespaces/default/widgets: widgets.example.com "film" already exists',
    });
  });

  test('asks for its token at each request, so that a rotated one is used', async () => {
    token = 'second';
    await expect(client.get(WIDGET, FILM)).rejects.toMatchObject({ code: 'Unauthorized', retryable: false });
    clientToken = 'second';
    expect(await client.get(WIDGET, FILM)).toBeNull();
  });

  test('counts each attempt by method and code', async () => {
    server.faults.plan({ kind: 'reset' }, { method: 'GET' });
    await client.get(WIDGET, FILM);
    expect(calls).toEqual(['GET <error>', 'GET 404']);
  });

  test('ends a call that is not answered, but not a watch that is silent', async () => {
    const hasty = createHttpClient({
      connection: { ...server.connection(), authorization: async () => ({ authorization: 'Bearer first' }) },
      callTimeoutSeconds: 0.05,
      wait: async () => {},
    });
    server.faults.plan({ kind: 'silent' }, { watch: false }, 3);
    await expect(hasty.get(WIDGET, FILM)).rejects.toMatchObject({ code: 'Timeout', retryable: true });
    const resourceVersion = String(server.store.resourceVersion);
    const watch = hasty.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal())[Symbol.asyncIterator]();
    const next = watch.next();
    await until(() => server.watches.size > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.bookmark();
    expect((await next).value).toMatchObject({ type: 'BOOKMARK' });
    await hasty.close();
  });

  test('neither do watches hold up calls, nor calls that hang watches: they have connections of their own', async () => {
    const limited = createHttpClient({
      connection: {
        ...server.connection(),
        authorization: async () => ({ authorization: 'Bearer first' }),
        createDispatcher: ({ connections }) => new Agent({ connections }),
      },
      wait: async () => {},
    });
    const resourceVersion = String(server.store.resourceVersion);
    for (let count = 0; count < 40; count += 1) {
      collect(limited.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal()), []).catch(() => {});
    }
    await until(() => server.watches.size === 40);
    expect(await limited.get(WIDGET, FILM)).toBeNull();
    server.faults.plan({ kind: 'silent' }, { watch: false }, 30);
    for (let count = 0; count < 30; count += 1) limited.get(WIDGET, FILM).catch(() => {});
    collect(limited.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal()), []).catch(() => {});
    await until(() => server.watches.size === 41);
    await limited.close();
  });

  test('calls a list off when its signal is aborted', async () => {
    server.faults.plan({ kind: 'silent' }, { watch: false });
    const stopping = new AbortController();
    const page = client.list(WIDGET, {}, { limit: 1, continueToken: '', signal: stopping.signal });
    stopping.abort();
    await expect(page).rejects.toMatchObject({ code: 'Unreachable' });
  });

  test('gives every event of a watch up to the one that was cut off, then breaks', async () => {
    const resourceVersion = String(server.store.resourceVersion);
    const events: WatchEvent[] = [];
    const watching = collect(client.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal()), events);
    await until(() => server.watches.size > 0);
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    await until(() => events.length === 1);
    server.dropConnections();
    await expect(watching).rejects.toMatchObject({ code: 'Unreachable', retryable: true });
    expect(events.map(({ type }) => type)).toEqual(['ADDED']);
  });

  test('ends a watch quietly when the server ends it', async () => {
    const resourceVersion = String(server.store.resourceVersion);
    const watching = collect(client.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal()), []);
    await until(() => server.watches.size > 0);
    for (const watch of server.watches) watch.end();
    await expect(watching).resolves.toBeUndefined();
  });

  test('reports a watch that is answered with something else', async () => {
    server.faults.plan({ kind: 'garbage' }, { watch: true });
    const watching = collect(client.watch(WIDGET, { resourceVersion: '1', timeoutSeconds: 60 }, signal()), []);
    await expect(watching).rejects.toMatchObject({ code: 'Unreadable', retryable: true });
  });

  test('leaves no watch open when its reader turns away', async () => {
    const resourceVersion = String(server.store.resourceVersion);
    await client.apply(WIDGET, widget('film', { size: 1 }), 'one');
    for await (const _event of client.watch(WIDGET, { resourceVersion, timeoutSeconds: 60 }, signal())) break;
    await until(() => server.watches.size === 0);
  });
});

function signal(): AbortSignal {
  return new AbortController().signal;
}

async function collect(from: AsyncIterable<WatchEvent>, into: WatchEvent[]): Promise<void> {
  for await (const event of from) into.push(event);
}

/** Waits for what happens over a real socket; a run that waits for ever is ended by the test's own timeout. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import type { JsonObject } from '../memory/fields.ts';
import { ObjectStore, type ServedKind } from '../memory/object-store.ts';
import { invalid } from '../memory/validation.ts';
import { type MemoryApiServer, startMemoryApiServer } from './api-server.ts';
import { SERVED_WIDGET } from './widget.ts';

const KIND: ServedKind = {
  ...SERVED_WIDGET,
  admit(object) {
    if ((object.spec as JsonObject).size !== 0) return object;
    throw invalid(KIND, object, [{ path: 'spec.size', message: 'must not be 0' }]);
  },
};
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const FILM = `${WIDGETS}/film`;
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const film = (spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'film' }, spec });

describe('the API server in memory', () => {
  let store: ObjectStore;
  let server: MemoryApiServer;
  let agent: Agent;

  beforeEach(async () => {
    store = new ObjectStore({ kinds: [KIND], now: Date.now });
    agent = new Agent();
    server = await startMemoryApiServer(store, {
      address: '127.0.0.1',
      port: 0,
      subresources: {
        'widgets/log': (object, query, response) => void response.end(`${query.get('x')} ${object.kind}`),
      },
    });
  });

  afterEach(async () => {
    await agent.destroy();
    await server.close();
  });

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await request(`${server.url}${path}`, {
      method: method as 'GET',
      dispatcher: agent,
      headers,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, body: (isJson ? JSON.parse(text) : text) as JsonObject };
  }

  const merge = { 'content-type': 'application/merge-patch+json; charset=utf-8' };

  test('patches by merging, where null removes, and leaves the status to its subresource', async () => {
    await call('POST', WIDGETS, film({ size: 1, colour: 'red' }));
    await call('PATCH', `${FILM}/status`, { status: { ready: true } }, merge);
    const patched = await call('PATCH', FILM, { spec: { colour: null, size: 2 }, status: { ready: false } }, merge);
    expect(patched).toMatchObject({ status: 200, body: { spec: { size: 2 }, status: { ready: true } } });
    expect(patched.body.spec).not.toHaveProperty('colour');
    expect(patched.body.metadata).toMatchObject({ generation: 2 });
  });

  test('makes a dry run of everything but the change', async () => {
    expect(await call('POST', `${WIDGETS}?dryRun=All`, film({ size: 1 }))).toMatchObject({ status: 201 });
    expect(await call('POST', `${WIDGETS}?dryRun=All`, film({ size: 0 }))).toMatchObject({ status: 422 });
    expect(await call('GET', FILM)).toMatchObject({ status: 404 });
  });

  test('names the fields that are to blame', async () => {
    const details = { causes: [{ field: 'spec.size', message: 'must not be 0' }] };
    expect(await call('POST', WIDGETS, film({ size: 0 }))).toMatchObject({ status: 422, body: { details } });
  });

  test('serves discovery, subresources and one object', async () => {
    expect((await call('GET', '/apis')).body.groups).toMatchObject([{ name: 'example.com' }]);
    const resources = (await call('GET', '/apis/example.com/v1')).body.resources as { name: string }[];
    expect(resources.map(({ name }) => name)).toEqual(['widgets', 'widgets/status']);
    await call('POST', WIDGETS, film({ size: 1 }));
    expect((await call('GET', `${FILM}/log?x=1`)).body).toBe('1 Widget');
    expect((await call('GET', '/apis/example.com/v1/widgets')).body.items).toHaveLength(1);
  });

  test.each<[string, string, string, unknown, Record<string, string>, number]>([
    ['a page of a browser', 'GET', WIDGETS, undefined, { origin: 'https://example.org' }, 403],
    ['a host name that somebody bent to the loopback', 'GET', WIDGETS, undefined, { host: 'example.org' }, 403],
    ['a body that is no JSON', 'POST', WIDGETS, 'apiVersion: v1', {}, 400],
    ['an object of another kind', 'POST', WIDGETS, { ...film({}), kind: 'Pod' }, {}, 400],
    [
      'an object of another name',
      'PATCH',
      `${FILM}?fieldManager=a`,
      { ...film({}), metadata: { name: 'other' } },
      APPLY,
      400,
    ],
    [
      'an object of another namespace',
      'POST',
      WIDGETS,
      { ...film({}), metadata: { namespace: 'x', name: 'a' } },
      {},
      400,
    ],
    ['a patch that it does not know', 'PATCH', FILM, {}, { 'content-type': 'application/json-patch+json' }, 415],
    [
      'an apply without a field manager',
      'PATCH',
      FILM,
      film({}),
      { 'content-type': 'application/apply-patch+yaml' },
      422,
    ],
    ['a path that is no URL', 'GET', '/apis/%zz', undefined, {}, 400],
    ['a kind that it does not have', 'GET', '/apis/example.com/v1/gadgets', undefined, {}, 404],
    ['a subresource that it does not have', 'GET', `${FILM}/exec`, undefined, {}, 404],
    ['a call that it does not have', 'DELETE', WIDGETS, undefined, {}, 405],
    ['a time of grace that is none', 'DELETE', FILM, { gracePeriodSeconds: -1 }, {}, 400],
    ['a version that is no number', 'GET', `${WIDGETS}?watch=true&resourceVersion=x`, undefined, {}, 400],
    ['a body above 3 MiB', 'POST', WIDGETS, 'x'.repeat(3 * 1024 * 1024 + 1), {}, 413],
  ])('refuses %s', async (_what, method, path, body, headers, status) => {
    expect(await call(method, path, body, headers)).toMatchObject({ status });
  });
});

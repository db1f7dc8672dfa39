import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { SERVED_WIDGET } from '../testing/widget.ts';
import { type MemoryApiServer, startMemoryApiServer } from './api-server.ts';
import type { JsonObject } from './fields.ts';
import { ObjectStore, type ServedKind } from './object-store.ts';

const KIND: ServedKind = {
  ...SERVED_WIDGET,
  shortNames: ['wi'],
  unknownFields: ({ spec }) =>
    Object.keys(spec as JsonObject)
      .filter((name) => name !== 'size' && name !== 'colour')
      .map((name) => ({ path: `spec.${name}`, message: 'unknown field' })),
  refuse: ({ spec }) => ((spec as JsonObject).size === 0 ? [{ path: 'spec.size', message: 'must not be 0' }] : []),
};
const COLUMNS = [
  { name: 'Colour', type: 'string', jsonPath: '.spec.colour', description: 'Its colour.' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status', description: 'Ready?' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Its age.' },
] as const;
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
    const strict = await call('POST', `${WIDGETS}?fieldValidation=Strict`, film({ size: 1, color: 'red' }));
    expect(strict).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('unknown field "spec.color"') },
    });
  });

  test('serves discovery, subresources and one object', async () => {
    expect((await call('GET', '/apis')).body.groups).toMatchObject([{ name: 'example.com' }]);
    const resources = (await call('GET', '/apis/example.com/v1')).body.resources as { name: string }[];
    expect(resources.map(({ name }) => name)).toEqual(['widgets', 'widgets/status']);
    await call('POST', WIDGETS, film({ size: 1 }));
    expect((await call('GET', `${FILM}/log?x=1`)).body).toBe('1 Widget');
    expect((await call('GET', '/apis/example.com/v1/widgets')).body.items).toHaveLength(1);
  });

  test('serves tables with the columns of the kind, as kubectl prints them', async () => {
    let now = Date.UTC(2026, 0, 1);
    const shown = new ObjectStore({ kinds: [{ ...SERVED_WIDGET, columns: COLUMNS }], now: () => now });
    const kind = shown.kinds[0] as ServedKind;
    shown.create(kind, { ...film({ colour: 'red' }), metadata: { name: 'film', namespace: 'default' } }, 'test');
    const conditions = [{ type: 'Other' }, { type: 'Ready', status: 'True' }];
    shown.replace(kind, 'default', 'film', (object) => ({ ...object, status: { conditions } }));
    const tables = await startMemoryApiServer(shown, { address: '127.0.0.1', port: 0 });
    const rows = async (ageSeconds: number, path: string) => {
      now = Date.UTC(2026, 0, 1) + ageSeconds * 1000;
      const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
      const answer = await request(`${tables.url}${path}`, { dispatcher: agent, headers });
      const table = (await answer.body.json()) as {
        columnDefinitions: { name: string }[];
        rows: { cells: unknown[] }[];
      };
      expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Colour', 'Ready', 'Age']);
      return table.rows.map(({ cells }) => cells);
    };
    expect(await rows(119, WIDGETS)).toEqual([['film', 'red', 'True', '119s']]);
    expect(await rows(600, FILM)).toEqual([['film', 'red', 'True', '10m']]);
    expect(await rows(4 * 3600, FILM)).toEqual([['film', 'red', 'True', '4h']]);
    expect(await rows(50 * 3600, FILM)).toEqual([['film', 'red', 'True', '2d']]);
    await tables.close();
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

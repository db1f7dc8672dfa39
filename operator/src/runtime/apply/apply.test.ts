import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createReflector } from '../cache/reflector.ts';
import type { Client } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import { type FakeApiServer, startFakeApiServer } from '../testing/fake-api-server.ts';
import { SERVED_WIDGET, WIDGET, type Widget, widget, widgetStatus } from '../testing/widget.ts';
import { applyIfChanged, applyStatusIfChanged } from './apply.ts';
import { covers, hashOf, sameJson, sameJsonBut } from './json.ts';

describe('apply', () => {
  let server: FakeApiServer;
  let client: Client;

  beforeEach(async () => {
    server = await startFakeApiServer({ kinds: [SERVED_WIDGET] });
    client = createHttpClient({ connection: server.connection() });
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  /** What a program that starts now finds in its cache. */
  const restart = async (): Promise<Widget | undefined> => {
    const reflector = createReflector({ client, type: WIDGET });
    reflector.start();
    await reflector.synced;
    await reflector.stop();
    return reflector.store.get('default/film');
  };
  const apply = async (spec: object, fieldManager = 'one') =>
    applyIfChanged(client, WIDGET, await restart(), widget('film', spec), fieldManager);

  test('writes nothing after a restart with everything in place', async () => {
    expect(await apply({ size: 1, colour: 'red' })).toBe('applied');
    const status = { ...widgetStatus('film', { ready: true }), status: { ready: true } };
    expect(await applyStatusIfChanged(client, WIDGET, await restart(), status, 'one')).toBe('applied');
    server.requests.length = 0;
    expect(await apply({ colour: 'red', size: 1 })).toBe('unchanged');
    expect(await applyStatusIfChanged(client, WIDGET, await restart(), status, 'one')).toBe('unchanged');
    expect(server.writes()).toEqual([]);
  });

  test('removes a field that is no longer set', async () => {
    await apply({ size: 1, colour: 'red' });
    expect(await apply({ size: 1 })).toBe('applied');
    expect((await restart())?.spec).toEqual({ size: 1 });
  });

  test('sets again what somebody else changed or removed', async () => {
    await apply({ size: 1, colour: 'red' });
    server.store.update(SERVED_WIDGET, 'default', 'film', (object) => {
      object.spec = { size: 2 };
    });
    expect(await apply({ size: 1, colour: 'red' })).toBe('applied');
    expect((await restart())?.spec).toEqual({ size: 1, colour: 'red' });
  });

  test('leaves alone what others add', async () => {
    await apply({ size: 1 });
    await client.apply(WIDGET, widget('film', { colour: 'red', size: 1 }), 'somebody');
    expect(await apply({ size: 1 })).toBe('unchanged');
  });

  test('two managers of one object do not undo each other', async () => {
    await apply({ size: 1 }, 'one');
    await apply({ size: 1, colour: 'red' }, 'two');
    expect(await apply({ size: 1 }, 'one')).toBe('unchanged');
    expect(await apply({ size: 1, colour: 'red' }, 'two')).toBe('unchanged');
  });

  test('writes a status that lost a field, though the object has one more', async () => {
    await apply({ size: 1 });
    await client.applyStatus(WIDGET, widgetStatus('film', { ready: true, note: 'old' }), 'one');
    const raw = { metadata: { name: 'film' }, status: { ready: true, note: 'old' } };
    const status = { ...widgetStatus('film', {}), status: { ready: true } };
    expect(await applyStatusIfChanged(client, WIDGET, raw, status, 'one')).toBe('applied');
    expect(server.store.get(SERVED_WIDGET, 'default', 'film').status).toEqual({ ready: true });
  });
});

describe('covers', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['more fields', { a: 1, b: 2 }, { a: 1 }, true],
    ['a missing field', { b: 2 }, { a: 1 }, false],
    ['an undefined wish', {}, { a: undefined }, true],
    ['null, which is a value', {}, { a: null }, false],
    ['named items in another order, with defaults', [{ name: 'b' }, { name: 'a', x: 1 }], [{ name: 'a' }], true],
    ['a named item that is missing', [{ name: 'b' }], [{ name: 'a' }], false],
    ['a list of texts with one more', ['a', 'b'], ['a'], false],
    ['an empty list', [], [], true],
    ['a list where there is none', undefined, [], false],
    ['another type', '1', 1, false],
  ])('%s', (_name, actual, wanted, expected) => {
    expect(covers(actual, wanted)).toBe(expected);
  });

  test('holds for every value and itself', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(covers(structuredClone(value), value)).toBe(true)));
  });
});

describe('hashOf and sameJson', () => {
  test('do not depend on the order of fields', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(sameJson(object, reversed)).toBe(true);
        expect(hashOf(object)).toBe(hashOf(reversed));
      }),
    );
  });

  test('of objects but for some fields is the same as of what is left', () => {
    const field = fc.constantFrom('a', 'b', 'c');
    const object = fc.dictionary(field, fc.constantFrom(1, 2, undefined));
    fc.assert(
      fc.property(object, object, field, (left, right, ignored) => {
        const { [ignored]: _one, ...ofLeft } = left;
        const { [ignored]: _other, ...ofRight } = right;
        expect(sameJsonBut(left, right, new Set([ignored]))).toBe(sameJson(ofLeft, ofRight));
      }),
    );
  });

  test('depend on the order of items and on every value', () => {
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(hashOf({ a: { b: 1 } })).not.toBe(hashOf({ a: { b: 2 } }));
  });
});

import { describe, expect, test } from '@jest/globals';
import type { Client } from '../runtime/client/client.ts';
import { HeaderSecrets, headersOf } from './headers.ts';

const SECRET = { namespace: 'tv', name: 'film-source' };

describe('the headers of a source', () => {
  test('are the keys and values of the Secret, without the line break that editors add', () => {
    expect(headersOf(SECRET, { Authorization: 'Bearer x\n' })).toEqual({
      state: 'found',
      headers: { Authorization: 'Bearer x' },
    });
  });

  const wrong: readonly [string, Record<string, string>][] = [
    ['a name with a space', { 'X Y': 'z' }],
    ['a second header in a value', { 'X-Key': 'a\r\nHost: b' }],
    ['a header of the connection', { Host: 'internal' }],
    ['a value of a megabyte', { 'X-Key': 'a'.repeat(1_000_000) }],
    ['a hundred headers', Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`X-${index}`, 'a']))],
  ];
  test.each(wrong)('are refused with %s, without quoting the value', (_name, data) => {
    const result = headersOf(SECRET, data);
    expect(result).toMatchObject({ state: 'missing', reason: 'SecretInvalid' });
    expect(JSON.stringify(result)).not.toContain('Host: b');
  });

  /** A client whose one Secret can be set, with a clock. */
  function desk() {
    const state = { nowMs: 0, data: null as Record<string, string> | null, broken: false, reads: 0 };
    let read = (): void => {};
    const get = () => {
      state.reads += 1;
      if (state.broken) return Promise.reject(new Error('away'));
      return Promise.resolve(state.data === null ? null : { metadata: { name: 'film-source' }, data: state.data });
    };
    const client = { get } as unknown as Client;
    const secrets = new HeaderSecrets({ client, now: () => state.nowMs, onRead: () => read() });
    const readAgain = async () => {
      const done = new Promise<void>((resolve) => {
        read = resolve;
      });
      secrets.read(SECRET);
      await done;
      return secrets.read(SECRET);
    };
    return { state, secrets, readAgain };
  }

  test('are missing until they are read, and read again after half a minute', async () => {
    const { state, secrets, readAgain } = desk();
    expect(secrets.read(SECRET)).toMatchObject({ reason: 'SecretNotRead' });
    await Promise.resolve();
    state.nowMs = 30_000;
    expect(await readAgain()).toMatchObject({ reason: 'SecretNotFound' });
    state.data = { Authorization: 'one' };
    expect(secrets.read(SECRET)).toMatchObject({ reason: 'SecretNotFound' });
    state.nowMs = 60_000;
    expect(await readAgain()).toMatchObject({ headers: { Authorization: 'one' } });
    expect(state.reads).toBe(3);
  });

  test('hold while the API server is away', async () => {
    const { state, readAgain } = desk();
    state.data = { Authorization: 'one' };
    await readAgain();
    state.broken = true;
    state.nowMs = 30_000;
    expect(await readAgain()).toMatchObject({ headers: { Authorization: 'one' } });
  });
});

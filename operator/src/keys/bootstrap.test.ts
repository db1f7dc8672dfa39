import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SECRET } from '../kinds.ts';
import type { Client } from '../runtime/client/client.ts';
import { createHttpClient } from '../runtime/client/http-client.ts';
import { type FakeApiServer, startFakeApiServer } from '../runtime/testing/fake-api-server.ts';
import { ensureLinkIdentity } from './bootstrap.ts';
import { makeOperatorKeys } from './link-keys.ts';
import { createSessionTokens } from './session-token.ts';

const SECRETS = { namespace: 'sluice', edge: 'sluice-link', operator: 'sluice-link-operator' };

describe('the Secrets of the link', () => {
  let server: FakeApiServer;
  let client: Client;

  beforeEach(async () => {
    server = await startFakeApiServer({ kinds: [SECRET] });
    client = createHttpClient({ connection: server.connection() });
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  test('are made once and found again', async () => {
    const first = await ensureLinkIdentity(client, SECRETS, Date.now);
    server.requests.length = 0;
    expect(await ensureLinkIdentity(client, SECRETS, Date.now)).toEqual(first);
    expect(server.writes()).toEqual([]);
  });

  test('are the same for operators that start together', async () => {
    const together = [1, 2, 3].map(() => ensureLinkIdentity(client, SECRETS, Date.now));
    const [first, ...others] = await Promise.all(together);
    for (const other of others) expect(other).toEqual(first);
  });

  test('are not replaced where one of them is lost: the edges would trust nobody', async () => {
    await ensureLinkIdentity(client, SECRETS, Date.now);
    await client.delete(SECRET, { namespace: 'sluice', name: SECRETS.operator });
    await expect(ensureLinkIdentity(client, SECRETS, Date.now)).rejects.toMatchObject({ code: 'LINK_KEYS_INVALID' });
  });
});

describe('the tokens of sessions', () => {
  test('are the same for every operator that holds the key, and different for every session and key', () => {
    const key = makeOperatorKeys()['operator.key'];
    const tokens = createSessionTokens(key);
    expect(tokens.token('s1')).toMatch(/^[\w-]{43}$/);
    expect(createSessionTokens(key).token('s1')).toBe(tokens.token('s1'));
    expect(tokens.token('s2')).not.toBe(tokens.token('s1'));
    expect(createSessionTokens(makeOperatorKeys()['operator.key']).token('s1')).not.toBe(tokens.token('s1'));
    expect(tokens.tokenSha256('s1')).toMatch(/^[0-9a-f]{64}$/);
  });
});

import { describe, expect, test } from '@jest/globals';
import { buildSession } from '../channel/build/session.ts';
import { SECRET, type Secret } from '../kinds.ts';
import { ApiError } from '../runtime/client/api-error.ts';
import type { Client } from '../runtime/client/client.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { makeSecret } from './secret.ts';

const BUILT = buildSession(channelFixture(), 'film-1', []);
const SESSION = { ...BUILT, metadata: { ...BUILT.metadata, uid: 's2' } };

/** The Secret `film-1` with such an owner; none if left out. */
function secretOf(owner?: object): Secret {
  return SECRET.parse({ metadata: { name: 'film-1', ownerReferences: owner === undefined ? [] : [owner] } });
}

describe('the Secret of a session, where one of its name exists', () => {
  const CASES: readonly { readonly name: string; readonly other: Secret | null; readonly code: string }[] = [
    {
      name: 'is its own after a lost answer',
      other: secretOf({ kind: 'StreamSession', name: 'film-1', uid: 's2' }),
      code: '',
    },
    { name: "is left alone where it is a user's", other: secretOf(), code: 'SECRET_NAME_TAKEN' },
    {
      name: 'is left alone where something else owns it',
      other: secretOf({ kind: 'Certificate', name: 'film-1', uid: 'x' }),
      code: 'SECRET_NAME_TAKEN',
    },
    {
      name: 'is waited for where an earlier session left it to the garbage collector',
      other: secretOf({ kind: 'StreamSession', name: 'film-1', uid: 's1' }),
      code: 'SECRET_LEAVING',
    },
    { name: 'is made at the next try where it has gone meanwhile', other: null, code: 'SECRET_LEAVING' },
  ];

  test.each(CASES)('$name', async ({ other, code }) => {
    const client = {
      create: async () => {
        throw new ApiError('exists', { code: 'AlreadyExists', retryable: false });
      },
      get: async () => other,
    } as unknown as Client;
    const outcome = await makeSecret(SESSION, 'token', client).then(
      () => '',
      (error: ApiError) => error.code,
    );
    expect(outcome).toBe(code);
  });
});

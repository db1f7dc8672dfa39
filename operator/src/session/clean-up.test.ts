import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel } from '@sluice/crds';
import { buildSession } from '../channel/build/session.ts';
import { ApiError } from '../runtime/client/api-error.ts';
import type { Client, KubernetesObject } from '../runtime/client/client.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { type CleanUpOptions, deletePods, endOrphan, type Orphanhood } from './clean-up.ts';

const CHANNEL = channelFixture();
const BUILT = buildSession(CHANNEL, 'film-1', []);
const SESSION = { ...BUILT, metadata: { ...BUILT.metadata, uid: 's1' } };
const OTHER = { ...CHANNEL, metadata: { ...CHANNEL.metadata, uid: 'c2' } };

describe('the clean-up after a session', () => {
  let nowMs: number;
  let calls: string[];
  let told: string[];
  /** As the API server has it; an error is its answer. */
  let stored: Channel | null | ApiError;
  let cached: Channel | undefined;
  let refusals: Record<string, ApiError>;
  let state: Orphanhood;

  const client = {
    get: async () => {
      calls.push('get');
      if (stored instanceof ApiError) throw stored;
      return stored;
    },
    delete: async ({ kind }: { kind: string }, { name }: { name: string }, { uid = '' } = {}) => {
      calls.push(`delete ${kind} ${name} ${uid}`.trim());
      const refusal = refusals[name];
      if (refusal !== undefined) throw refusal;
      return true;
    },
  } as unknown as Client;
  const options: CleanUpOptions = {
    client,
    channelOf: () => cached,
    events: {
      record: ({ kind, metadata }: KubernetesObject, { reason, note }) =>
        void told.push(`${kind}/${metadata.name} ${reason}: ${note}`),
    },
    now: () => nowMs,
  };

  beforeEach(() => {
    nowMs = 1_000_000;
    [calls, told] = [[], []];
    [stored, cached] = [null, undefined];
    refusals = {};
    state = { orphanSinceMs: null };
  });

  async function lookAfter(seconds: number): Promise<number | null> {
    nowMs += seconds * 1000;
    return endOrphan(SESSION, state, options);
  }

  test('leaves a session alone that has its Channel', async () => {
    cached = CHANNEL;
    expect([await lookAfter(0), await lookAfter(100)]).toEqual([null, null]);
    expect(calls).toEqual([]);
  });

  test('gives the garbage collector a minute, then removes what it has left', async () => {
    expect(await lookAfter(0)).toBe(60);
    expect(await lookAfter(59)).toBe(1);
    expect(calls).toEqual([]);
    expect(await lookAfter(1)).toBeNull();
    expect(calls).toEqual(['get', 'delete StreamSession film-1 s1']);
    expect(told).toEqual(['Channel/film SessionEnded: StreamSession film-1 deleted: its Channel is gone']);
  });

  test('takes the Channel of the same name that was made since for another one', async () => {
    stored = OTHER;
    cached = OTHER;
    await lookAfter(0);
    expect(await lookAfter(60)).toBeNull();
    expect(calls).toEqual(['get', 'delete StreamSession film-1 s1']);
  });

  test.each([
    { name: 'that the cache does not have', answer: CHANNEL },
    { name: 'that cannot be read', answer: refused('UnreadableObject') },
  ])('removes nothing of a Channel $name', async ({ answer }) => {
    stored = answer;
    await lookAfter(0);
    expect(await lookAfter(60)).toBe(60);
    expect(calls).toEqual(['get']);
  });

  test('starts the minute anew where the Channel was there meanwhile', async () => {
    await lookAfter(0);
    cached = CHANNEL;
    await lookAfter(30);
    cached = undefined;
    expect(await lookAfter(30)).toBe(60);
  });

  test('tells of a session that cannot be removed, and tries again', async () => {
    refusals = { 'film-1': refused('Forbidden') };
    await lookAfter(0);
    expect(await lookAfter(60)).toBe(30);
    const event = 'CleanupFailed: StreamSession film-1, whose Channel is gone, cannot be deleted: Forbidden';
    expect(told).toEqual([`StreamSession/film-1 ${event}`, `Channel/film ${event}`]);
  });

  test('tells of a pod that cannot be removed on session and Channel, and removes the others', async () => {
    cached = CHANNEL;
    refusals = { 'film-1-1': refused('Forbidden') };
    expect(await deletePods(SESSION, ['film-1-1', 'film-1-2'], options)).toBe(30);
    expect(calls).toEqual(['delete Pod film-1-1', 'delete Pod film-1-2']);
    const event = 'CleanupFailed: pod film-1-1 cannot be deleted: Forbidden';
    expect(told).toEqual([`StreamSession/film-1 ${event}`, `Channel/film ${event}`]);
  });

  test('leaves to the queue what may succeed later', async () => {
    refusals = { 'film-1-1': new ApiError('busy', { code: 'TooManyRequests', retryable: true }) };
    await expect(deletePods(SESSION, ['film-1-1'], options)).rejects.toThrow('busy');
    expect(told).toEqual([]);
  });
});

function refused(code: string): ApiError {
  return new ApiError(code, { code, retryable: false });
}

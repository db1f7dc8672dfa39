import { describe, expect, test } from '@jest/globals';
import { ApiError } from './api-error.ts';
import { untilAnswered } from './patience.ts';

const AWAY = new ApiError('the API server cannot be reached', { code: 'Unreachable', retryable: true, status: 503 });
const BUSY = new ApiError('busy', { code: 'TooManyRequests', retryable: true, status: 429, retryAfterSeconds: 30 });
const FORBIDDEN = new ApiError('forbidden', { code: 'Forbidden', retryable: false, status: 403 });

/** Fails with each of these in turn, then gives `done`. */
function scene(...failures: readonly Error[]) {
  const waits: number[] = [];
  const troubles: string[] = [];
  const left = [...failures];
  const call = async () => {
    const failure = left.shift();
    if (failure !== undefined) throw failure;
    return 'done';
  };
  const result = untilAnswered(
    call,
    (trouble) => troubles.push(trouble),
    async (milliseconds) => waits.push(milliseconds),
  );
  return { result, waits, troubles };
}

describe('a call that a program cannot start without', () => {
  test('is made again, ever later but at least every 5 s, until the server answers', async () => {
    const { result, waits, troubles } = scene(AWAY, AWAY, AWAY, AWAY, AWAY, AWAY);
    expect(await result).toBe('done');
    expect(waits).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
    expect(troubles[0]).toBe('the API server cannot be reached');
  });

  test('waits as long as the server asks', async () => {
    const { result, waits } = scene(BUSY);
    await result;
    expect(waits).toEqual([30_000]);
  });

  test.each([
    { what: 'what is forbidden', error: FORBIDDEN },
    { what: 'a fault of its own', error: new Error('no key') },
  ])('is given up for $what', async ({ error }) => {
    const { result, waits } = scene(error);
    await expect(result).rejects.toBe(error);
    expect(waits).toEqual([]);
  });
});

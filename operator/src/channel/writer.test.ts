import { expect, test } from '@jest/globals';
import { ApiError } from '../runtime/client/api-error.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { buildSession } from './build/session.ts';
import { removalOf } from './leftovers.ts';
import { stateFixture } from './state.testing.ts';
import { ChannelStates } from './state.ts';
import { FIRST_AT_A_TIME, WriteTurns } from './write-turns.ts';
import { type ChannelWriterOptions, createChannelWriter } from './writer.ts';

test('a call that fails keeps no place from the first statuses of other channels', async () => {
  const called: string[] = [];
  const turns = new WriteTurns({ onTurn: (key) => called.push(key), now: () => 0, hasRoom: () => true });
  const film = buildSession(channelFixture(), 'film-1', []);
  const removed = { ...film, metadata: { ...film.metadata, uid: 's1' } };
  const states = new ChannelStates();
  states.set('tv/film', stateFixture({ removed: new Map([['s1', removalOf(removed)]]) }));
  const write = createChannelWriter({
    states,
    turns,
    client: {
      delete: () => Promise.reject(new ApiError('not now', { code: 'Unreachable', retryable: true, status: 503 })),
    },
    now: () => 0,
  } as unknown as ChannelWriterOptions);
  for (let index = 0; index < FIRST_AT_A_TIME; index += 1) turns.take(`tv/new-${index}`, 'first');
  for (const key of ['tv/film', 'tv/news']) expect(turns.take(key, 'first')).toBe(false);
  turns.done('tv/new-0');
  expect(called).toEqual(['tv/film']);
  await expect(write('tv/film', new AbortController().signal)).rejects.toThrow('not now');
  expect(called).toEqual(['tv/film', 'tv/news']);
});

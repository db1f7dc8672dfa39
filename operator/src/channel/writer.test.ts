import { expect, test } from '@jest/globals';
import { ApiError } from '../runtime/client/api-error.ts';
import { channelFixture, reportFixture } from '../testing/fixtures.ts';
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
    report: () => null,
    now: () => 0,
  } as unknown as ChannelWriterOptions);
  for (let index = 0; index < FIRST_AT_A_TIME; index += 1) turns.take(`tv/new-${index}`, 'first');
  for (const key of ['tv/film', 'tv/news']) expect(turns.take(key, 'first')).toBe(false);
  turns.done('tv/new-0');
  expect(called).toEqual(['tv/film']);
  await expect(write('tv/film', new AbortController().signal)).rejects.toThrow('not now');
  expect(called).toEqual(['tv/film', 'tv/news']);
});

test.each([
  ['tells where the channel is by now, though nothing was planned since', { epoch: 2, lastMsn: 57 }, 57],
  ['keeps the position of a plan that the epoch of the report does not fit', { epoch: 3, lastMsn: 1 }, 40],
])('a status %s', async (_name, position, lastMsn) => {
  const states = new ChannelStates();
  const wanted = { mode: 'Proxy', desiredMode: 'Proxy', epoch: 2, lastMsn: 40 } as const;
  states.set('tv/film', stateFixture({ wanted, written: { ...wanted, lastMsn: 39 } }));
  const turns = new WriteTurns({ onTurn: () => {}, now: () => 0, hasRoom: () => true });
  const written: unknown[] = [];
  const write = createChannelWriter({
    ...{ states, turns, report: () => reportFixture(position), now: () => 60_000 },
    metrics: { statusWrites: { inc() {} } },
    client: {
      applyStatus: async (_type: unknown, { status }: { readonly status: unknown }) => {
        written.push(status);
        return { metadata: {} };
      },
    },
  } as unknown as ChannelWriterOptions);
  await write('tv/film', new AbortController().signal);
  turns.close();
  expect(written).toEqual([{ ...wanted, lastMsn }]);
  expect(states.get('tv/film')?.wanted?.lastMsn).toBe(lastMsn);
});

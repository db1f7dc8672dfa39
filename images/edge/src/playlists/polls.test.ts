import { beforeEach, describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { Audiences, channelFull } from '../viewers/audiences.ts';
import { sessionIdHash } from '../viewers/session-id.ts';
import type { AnsweredPoll } from './poll-log.ts';
import { AnsweredPolls, MAX_GOODBYES } from './polls.ts';

describe('polls that nginx has answered', () => {
  const film = routeOf();
  let now: number;
  let asked: string[];
  let requested: [rung: string, count: number][];
  let audiences: Audiences;
  let polls: AnsweredPolls;

  beforeEach(() => {
    now = 1_700_000_000_000;
    asked = [];
    requested = [];
    audiences = new Audiences({
      now: () => now,
      targetDurationSeconds: () => 2,
      wholeCount: () => null,
      mintedAgeMs: () => null,
      isServed: () => true,
    });
    polls = new AnsweredPolls({
      routes: { byKey: (key) => (key === 'default/film' ? film : null) },
      audiences,
      channels: { asked: (key, rung) => void asked.push(`${key}/${rung}`) },
      published: { requested: (_route, rung, count) => void requested.push([rung, count]), hasFiles: () => true },
      wallNow: () => now,
    });
    audiences.onLeave((uid, hash) => polls.left(uid, hash));
  });

  const poll = (session: string, change: Partial<AnsweredPoll> = {}): AnsweredPoll => ({
    ...{ atMs: now, key: 'default/film', rung: 'source', session },
    ...change,
  });
  const count = (): number => audiences.local(film.uid).count;

  test('count as viewers, each id once, and want their channel', () => {
    polls.take([poll('anna'), poll('bert'), poll('anna', { rung: '720p' }), poll('carl', { key: 'default/gone' })]);
    expect(count()).toBe(2);
    expect(asked).toEqual(['default/film/source', 'default/film/720p']);
    expect(requested).toEqual([
      ['source', 2],
      ['720p', 1],
    ]);
  });

  test('do not bring back who has said goodbye since', () => {
    const before = poll('anna');
    now += 100;
    audiences.leave(film, 'anna');
    now += 100;
    polls.take([before, poll('bert', { atMs: before.atMs })]);
    expect(count()).toBe(1);
    polls.take([poll('anna')]);
    expect(count()).toBe(2);
  });

  test('do not bring back who has said goodbye at another edge', () => {
    polls.left(film.uid, sessionIdHash('anna'), 0.1);
    polls.take([poll('anna', { atMs: now - 200 })]);
    expect(count()).toBe(0);
    polls.take([poll('anna', { atMs: now - 50 })]);
    expect(count()).toBe(1);
  });

  test('are as old as they are: a goodbye that was said since, and comes later, ends them', () => {
    polls.take([poll('anna', { atMs: now - 250 })]);
    audiences.leftElsewhere(film.uid, [sessionIdHash('anna')], 0.3);
    expect(count()).toBe(1);
    audiences.leftElsewhere(film.uid, [sessionIdHash('anna')], 0.2);
    expect(count()).toBe(0);
  });

  test('are heard of within seconds: goodbyes are forgotten then', () => {
    polls.left(film.uid, sessionIdHash('anna'));
    const before = poll('anna');
    now += 4_000;
    polls.take([]);
    polls.take([before]);
    expect(count()).toBe(1);
  });

  test('end with the last goodbye of a viewer, although an earlier one is told again', () => {
    polls.left(film.uid, sessionIdHash('anna'));
    polls.left(film.uid, sessionIdHash('anna'), 2);
    polls.take([poll('anna', { atMs: now - 100 })]);
    expect(count()).toBe(0);
  });

  test('may stay away, however many say goodbye meanwhile: only the newest goodbyes are remembered', () => {
    for (let viewer = 0; viewer <= MAX_GOODBYES; viewer += 1) polls.left(film.uid, String(viewer));
    polls.left(film.uid, sessionIdHash('anna'));
    expect(polls.rememberedGoodbyes).toBe(MAX_GOODBYES);
    polls.take([poll('anna')]);
    expect(count()).toBe(0);
  });

  test('fail for nobody where the channel has got a limit since', () => {
    const refusing = {
      playlistRequest: () => {
        throw channelFull(film);
      },
    };
    const channels = { asked: () => {} };
    const published = { requested: () => {}, hasFiles: () => false };
    const late = new AnsweredPolls({
      ...{ routes: { byKey: () => film }, audiences: refusing, channels, published },
      wallNow: () => now,
    });
    expect(() => late.take([poll('anna')])).not.toThrow();
  });
});

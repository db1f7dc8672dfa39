import { describe, expect, test } from '@jest/globals';
import type { SourcePlaylist } from './parse.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';
import { createReplayingFollower } from './replay.ts';

const SIGNAL = new AbortController().signal;

function playlist(count: number, ended: boolean): SourcePlaylist {
  const segments = Array.from({ length: count }, (_, msn) => sourceSegment({ msn, uri: `https://host/${msn}.ts` }));
  return sourcePlaylist(segments, { ended });
}

/** A follower of a source whose playlists are given; `look` moves the clock on first. */
function follow(answers: (SourcePlaylist | null)[], resumeAt: number | null = null) {
  let now = 0;
  let looks = 0;
  const follower = createReplayingFollower(
    {
      look: async () => {
        looks += 1;
        return { playlist: answers.shift() ?? null, choice: null, allowOrigin: '*' };
      },
    },
    () => now,
    () => resumeAt,
  );
  const look = async (seconds: number) => {
    now += seconds * 1000;
    const { playlist: found, allowOrigin } = await follower.look(SIGNAL);
    expect(allowOrigin).toBe('*');
    return found === null
      ? null
      : {
          last: found.segments.at(-1)?.msn,
          ended: found.ended,
          count: found.segments.length,
          ahead: found.aheadSeconds,
        };
  };
  return { look, looks: () => looks };
}

describe('a source that has ended before the first look', () => {
  test('appears segment by segment from its beginning, as fast as it plays, and ends with the last one', async () => {
    const { look, looks } = follow([playlist(11, true)]);
    expect(await look(0)).toEqual({ last: 7, ended: false, count: 8, ahead: 6 });
    expect(await look(1)).toBeNull();
    expect(await look(1)).toEqual({ last: 8, ended: false, count: 9, ahead: 6 });
    expect(await look(4)).toEqual({ last: 10, ended: true, count: 11, ahead: 6 });
    expect(await look(2)).toBeNull();
    expect(looks()).toBe(1);
  });

  test('goes on where the owner before has stopped', async () => {
    const { look } = follow([playlist(100, true)], 70);
    expect(await look(0)).toEqual({ last: 73, ended: false, count: 60, ahead: 6 });
    expect(await look(1)).toEqual({ last: 74, ended: false, count: 60, ahead: 6 });
    expect(await look(2)).toEqual({ last: 75, ended: false, count: 60, ahead: 6 });
  });

  test('is all there at once where all of it was seen', async () => {
    const { look } = follow([playlist(8, true)], 8);
    expect(await look(0)).toEqual({ last: 7, ended: true, count: 8, ahead: 6 });
  });

  test('is looked at again once in a while, and is live from when it goes on', async () => {
    const { look, looks } = follow([playlist(8, true), null, playlist(9, false), playlist(10, true)]);
    for (let seconds = 0; seconds < 29; seconds += 1) await look(1);
    expect(looks()).toBe(2);
    expect(await look(1)).toBeNull();
    expect(await look(1)).toEqual({ last: 8, ended: false, count: 9 });
    expect(await look(1)).toEqual({ last: 9, ended: true, count: 10 });
  });
});

test('a source that ends while it is followed is shown as it is', async () => {
  const { look } = follow([playlist(3, false), null, playlist(8, true)]);
  expect(await look(0)).toEqual({ last: 2, ended: false, count: 3 });
  expect(await look(1)).toBeNull();
  expect(await look(1)).toEqual({ last: 7, ended: true, count: 8 });
});

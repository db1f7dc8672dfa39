import { describe, expect, test } from '@jest/globals';
import { longestUpdateGapSeconds, playlistViolations, pollViolations, updateViolations } from './invariants.ts';
import { parseMediaPlaylist } from './media-playlist.ts';

interface Options {
  readonly first?: number;
  readonly count?: number;
  readonly prefix?: string;
  readonly target?: number;
  readonly discontinuitySequence?: number;
  readonly discontinuityAt?: number;
  /** A line in front of segment 12. */
  readonly tag?: string;
  readonly ended?: boolean;
}

function playlist(options: Options = {}) {
  const { first = 10, count = 6, prefix = 's', target = 2, discontinuitySequence = 0, discontinuityAt = -1 } = options;
  const lines = ['#EXTM3U', `#EXT-X-TARGETDURATION:${target}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`);
  for (let msn = first; msn < first + count; msn += 1) {
    if (msn === discontinuityAt) lines.push('#EXT-X-DISCONTINUITY');
    if (msn === 12 && options.tag !== undefined) lines.push(options.tag);
    lines.push('#EXTINF:2.000,', `${prefix}/${msn}.ts`);
  }
  if (options.ended === true) lines.push('#EXT-X-ENDLIST');
  return parseMediaPlaylist(`${lines.join('\n')}\n`);
}

describe('the rules for one playlist', () => {
  test('a regular playlist breaks none', () => {
    expect(playlistViolations(playlist())).toEqual([]);
  });

  test.each([
    { name: 'a window under three target durations', given: playlist({ count: 2 }), word: 'shorter' },
    { name: 'a segment longer than the target duration', given: playlist({ target: 1 }), word: 'lasts' },
  ])('$name is found', ({ given, word }) => {
    expect(playlistViolations(given).join()).toContain(word);
  });

  test.each(['<html></html>', '#EXTM3U\n#EXTINF:2,\na.ts', '#EXTM3U\n#EXT-X-TARGETDURATION:2\na.ts'])(
    'what is no media playlist is refused: %j',
    (text) => {
      expect(() => parseMediaPlaylist(text)).toThrow();
    },
  );
});

describe('the rules for an update', () => {
  test('a window that slides breaks none', () => {
    expect(updateViolations(playlist(), playlist({ first: 11 }))).toEqual([]);
  });

  test('a removed discontinuity tag must be counted', () => {
    const before = playlist({ discontinuityAt: 10 });
    expect(updateViolations(before, playlist({ first: 11, discontinuitySequence: 1 }))).toEqual([]);
    expect(updateViolations(before, playlist({ first: 11 })).join()).toContain('discontinuity sequence');
  });

  test.each([
    { name: 'a listed segment that changes its name', after: playlist({ prefix: 't' }), word: 'changed from s/10.ts' },
    { name: 'a media sequence that falls', after: playlist({ first: 9 }), word: 'media sequence fell' },
    { name: 'a target duration that changes', after: playlist({ target: 3 }), word: 'target duration changed' },
    { name: 'a segment that vanishes at the end', after: playlist({ count: 5 }), word: 'vanished' },
    {
      name: 'a discontinuity tag that appears later',
      after: playlist({ discontinuityAt: 12 }),
      word: 'EXT-X-DISCONTINUITY',
    },
    {
      name: 'a key that appears later',
      after: playlist({ tag: '#EXT-X-KEY:METHOD=AES-128,URI="k"' }),
      word: 'EXT-X-KEY',
    },
    { name: 'a part of a file instead of it', after: playlist({ tag: '#EXT-X-BYTERANGE:9@0' }), word: 'BYTERANGE' },
    { name: 'a segment that becomes a gap', after: playlist({ tag: '#EXT-X-GAP' }), word: 'EXT-X-GAP' },
    { name: 'an ad marker that appears later', after: playlist({ tag: '#EXT-X-CUE-OUT:30' }), word: 'ad markers' },
  ])('$name is found', ({ after, word }) => {
    expect(updateViolations(playlist(), after).join()).toContain(word);
  });

  test('an end is one', () => {
    const end = playlist({ ended: true });
    expect(updateViolations(playlist(), end)).toEqual([]);
    expect(updateViolations(end, end)).toEqual([]);
    expect(updateViolations(end, playlist()).join()).toContain('EXT-X-ENDLIST');
    expect(updateViolations(end, playlist({ first: 11, ended: true })).join()).toContain('EXT-X-ENDLIST');
  });
});

describe('the rhythm of updates', () => {
  const polls = [0, 2000, 9000].map((atMilliseconds, index) => ({
    atMilliseconds,
    playlist: playlist({ first: 10 + index }),
  }));

  test('the longest gap is measured between changes', () => {
    expect(longestUpdateGapSeconds(polls)).toBe(7);
  });

  test('a gap above one and a half target durations is found', () => {
    expect(pollViolations(polls, 1).join()).toContain('no new segment for 7.00 s');
    expect(pollViolations(polls.slice(0, 2), 1)).toEqual([]);
  });
});

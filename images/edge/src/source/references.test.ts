import { describe, expect, test } from '@jest/globals';
import { readAttributes } from './attributes.ts';
import { parsePlaylist, type SourcePlaylist } from './parse.ts';
import { References } from './references.ts';

const LONG = 'x'.repeat(7_000);

function playlistOf(lines: readonly string[], base = 'https://host/live/index.m3u8'): SourcePlaylist {
  const text = ['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines, '#EXT-X-ENDLIST'].join('\n');
  const playlist = parsePlaylist(Buffer.from(text), base);
  if (playlist.kind !== 'media') throw new Error('it is a media playlist');
  return playlist;
}

const segments = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `#EXTINF:4,\n${index}`);

describe('the URLs and keys of a playlist', () => {
  test('count once where many segments share them', () => {
    const shared = [
      `#EXT-X-KEY:METHOD=AES-128,URI="${LONG}"`,
      `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://1",KEYFORMAT="${LONG}"`,
      `#EXT-X-MAP:URI="${LONG}"`,
    ];
    const playlist = playlistOf([...shared, ...segments(1_000)]);
    expect(playlist.segments).toHaveLength(1_000);
    expect(playlist.segments[999]?.keys[0]?.tag).toBe(
      `#EXT-X-KEY:METHOD=AES-128,URI="https://host/live/${LONG}",IV=0x${(999).toString(16).padStart(32, '0')}`,
    );
  });

  test('are refused where short lines of a text mean more than it could hold', () => {
    expect(() => playlistOf(segments(1_000), `https://host/${LONG}/index.m3u8`)).toThrow(
      expect.objectContaining({ code: 'PLAYLIST_INVALID', message: expect.stringContaining('4194304 characters') }),
    );
  });

  test('are kept by all segments in one piece', () => {
    const references = new References('https://host/live/index.m3u8');
    const key = readAttributes(`METHOD=AES-128,IV=0x1,URI="${LONG}"`);
    for (let msn = 0; msn < 10_000; msn += 1) references.keys([key], msn);
    expect(references.shared('init.mp4')).toBe('https://host/live/init.mp4');
  });

  test('make one initialization section of what is encrypted without a vector, not one for each segment', () => {
    const lines = ['#EXT-X-KEY:METHOD=AES-128,URI="key"', '#EXT-X-MAP:URI="init.mp4"', ...segments(3)];
    const sections = playlistOf(lines).segments.map(({ map, mapKeys }) => JSON.stringify([map, mapKeys]));
    expect(new Set(sections).size).toBe(1);
    expect(sections[0]).not.toContain('IV=');
  });

  test('are refused where a key gets longer than any line that is passed on', () => {
    expect(() => playlistOf([`#EXT-X-KEY:METHOD=AES-128,URI="${'\u4e2d'.repeat(2_000)}"`, ...segments(1)])).toThrow(
      'EXT-X-KEY of more than 9000 characters',
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parsePlaylist } from './parse.ts';
import type { Variables } from './variables.ts';

const URL = 'https://host/live/index.m3u8?token=a%2Fb&empty=&odd=%7B%24other%7D';
const IMPORTS: Variables = new Map([['path', { value: 'film', isOfUrl: false }]]);

function media(lines: readonly string[], imports: Variables | null = IMPORTS) {
  const head = ['#EXTM3U', '#EXT-X-TARGETDURATION:2'];
  const playlist = parsePlaylist(Buffer.from([...head, ...lines].join('\n')), URL, imports);
  if (playlist.kind !== 'media') throw new Error('it is a media playlist');
  return playlist;
}

const segment = (uri: string): readonly string[] => ['#EXTINF:2,', uri];

describe('variables of a playlist', () => {
  test.each([
    { name: 'a value', define: 'NAME="a",VALUE="x"', uri: '{$a}/1.ts', url: 'https://host/live/x/1.ts' },
    {
      name: 'a parameter of its URL',
      define: 'QUERYPARAM="token"',
      uri: '1.ts?t={$token}',
      url: 'https://host/live/1.ts?t=a/b',
    },
    {
      name: 'what the multivariant one has',
      define: 'IMPORT="path"',
      uri: '{$path}1.ts',
      url: 'https://host/live/film1.ts',
    },
  ])('stand for $name', ({ define, uri, url }) => {
    expect(media([`#EXT-X-DEFINE:${define}`, ...segment(uri)]).segments[0]?.uri).toBe(url);
  });

  test('stand in quoted strings and hexadecimal sequences, and for values that were declared before', () => {
    const { segments } = media([
      '#EXT-X-DEFINE:NAME="host",VALUE="https://keys.test"',
      '#EXT-X-DEFINE:NAME="key",VALUE="{$host}/k"',
      '#EXT-X-DEFINE:NAME="iv",VALUE="0x01"',
      '#EXT-X-KEY:METHOD=AES-128,URI="{$key}",IV={$iv}',
      '#EXTINF:2,{$title}',
      '1.ts',
    ]);
    expect(segments[0]?.keys[0]?.tag).toBe('#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/k",IV=0x01');
  });

  test('are imported by the playlists that a multivariant one names', () => {
    const text = '#EXTM3U\n#EXT-X-DEFINE:NAME="path",VALUE="film"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{$path}.m3u8';
    const parsed = parsePlaylist(Buffer.from(text), URL);
    if (parsed.kind !== 'multivariant') throw new Error('it is a multivariant playlist');
    expect(parsed.variants[0]?.uri).toBe('https://host/live/film.m3u8');
    expect(parsed.variables).toEqual(IMPORTS);
  });

  test('out of the URL reach no marker, which viewers read', () => {
    const lines = ['#EXT-X-DEFINE:QUERYPARAM="token"', '#EXT-X-DEFINE:NAME="id",VALUE="7"'];
    lines.push('#EXT-X-DEFINE:NAME="other",VALUE="{$token}"');
    const ranges = ['{$id}', '8",X-URL="{$token}', '9",X-URL="{$other}'].map((id) => `#EXT-X-DATERANGE:ID="${id}"`);
    expect(media([...lines, ...ranges, ...segment('1.ts')]).dateRanges).toEqual(['#EXT-X-DATERANGE:ID="7"']);
  });

  test('are replaced in no marker but EXT-X-DATERANGE, and no reference to them is passed on', () => {
    const lines = ['#EXT-X-DEFINE:NAME="length",VALUE="30"', '#EXT-X-CUE-OUT:DURATION="{$length}"', '#EXT-X-CUE-IN'];
    expect(media([...lines, ...segment('1.ts')]).segments[0]?.markers).toEqual(['#EXT-X-CUE-IN']);
  });

  const twice = ['#EXT-X-DEFINE:NAME="a",VALUE="x"', '#EXT-X-DEFINE:NAME="a",VALUE="y"'];
  test.each([
    { name: 'are declared nowhere', lines: segment('{$a}.ts'), why: /which it does not declare before/ },
    { name: 'are declared later', lines: [...segment('{$a}.ts'), twice[0] ?? ''], why: /does not declare before/ },
    { name: 'are declared twice', lines: twice, why: /twice/ },
    { name: 'have another name', lines: ['#EXT-X-DEFINE:NAME="a b",VALUE="x"'], why: /other characters/ },
    {
      name: 'have what looks like another for a value',
      lines: ['#EXT-X-DEFINE:QUERYPARAM="odd"'],
      why: /cannot stand/,
    },
    { name: 'have no value', lines: ['#EXT-X-DEFINE:NAME="a"'], why: /without NAME and VALUE/ },
    { name: 'are not in the URL', lines: ['#EXT-X-DEFINE:QUERYPARAM="none"'], why: /which has none/ },
    { name: 'are empty in the URL', lines: ['#EXT-X-DEFINE:QUERYPARAM="empty"'], why: /which has none/ },
    { name: 'are not in the multivariant one', lines: ['#EXT-X-DEFINE:IMPORT="none"'], why: /does not have/ },
    {
      name: 'stand outside of quotes',
      lines: [twice[0] ?? '', '#EXT-X-KEY:METHOD={$a},URI="k"'],
      why: /outside of quotes/,
    },
  ])('that $name are refused', ({ lines, why }) => {
    expect(() => media([...lines, ...segment('1.ts')])).toThrow(
      expect.objectContaining({ code: 'PLAYLIST_INVALID', message: expect.stringMatching(why) }),
    );
  });

  test('are not imported where no multivariant playlist was read', () => {
    expect(() => media(['#EXT-X-DEFINE:IMPORT="path"'], null)).toThrow(/no multivariant playlist names it/);
  });

  test.each([
    { name: 'too many', lines: Array.from({ length: 65 }, (_, index) => `#EXT-X-DEFINE:NAME="v${index}",VALUE="x"`) },
    {
      name: 'that grow by each other',
      lines: ['#EXT-X-DEFINE:NAME="v0",VALUE="xxxxxxxx"'].concat(
        Array.from({ length: 20 }, (_, at) => `#EXT-X-DEFINE:NAME="v${at + 1}",VALUE="${`{$v${at}}`.repeat(8)}"`),
      ),
    },
    {
      name: 'that make short lines long',
      lines: [`#EXT-X-DEFINE:NAME="v",VALUE="${'x'.repeat(8_000)}"`, ...Array(1_000).fill(segment('{$v}')).flat()],
    },
  ])('$name are refused in little time', ({ lines }) => {
    expect(() => media(lines)).toThrow(expect.objectContaining({ code: 'PLAYLIST_INVALID' }));
  });

  test('never bring a quote or another line into a playlist, whatever the URL says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
        const url = `https://host/index.m3u8?token=${encodeURIComponent(value.toWellFormed())}`;
        const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', '#EXT-X-DEFINE:QUERYPARAM="token"'];
        lines.push('#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/",KEYFORMAT="{$token}"', ...segment('1.ts'));
        try {
          const playlist = parsePlaylist(Buffer.from(lines.join('\n')), url);
          const tag = playlist.kind === 'media' ? playlist.segments[0]?.keys[0]?.tag : '';
          expect(tag).toMatch(/^#EXT-X-KEY:METHOD=AES-128,URI="https:\/\/keys\.test\/",KEYFORMAT="[^"\p{Cc}]*"/u);
        } catch (error) {
          expect(error).toMatchObject({ code: 'PLAYLIST_INVALID' });
        }
      }),
      { numRuns: 60 },
    );
  });
});

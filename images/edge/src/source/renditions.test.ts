import { describe, expect, test } from '@jest/globals';
import { parsePlaylist } from './parse.ts';
import { chooseRenditions } from './renditions.ts';

const VARIANT = '#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a",CLOSED-CAPTIONS=';

function chosen(lines: readonly string[]) {
  const parsed = parsePlaylist(Buffer.from(['#EXTM3U', ...lines, 'v.m3u8'].join('\n')), 'http://host/index.m3u8');
  if (parsed.kind !== 'multivariant') throw new Error('it is a multivariant playlist');
  return chooseRenditions(parsed, true);
}

const caption = (name: string, instreamId: string, rest = ''): string =>
  `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="${name}",INSTREAM-ID="${instreamId}"${rest}`;

describe('what a source announces', () => {
  test.each([
    {
      name: 'captions',
      lines: [caption('English', 'CC1', ',LANGUAGE="en",DEFAULT=YES'), `${VARIANT}"cc"`],
      ids: ['CC1'],
    },
    { name: 'a service of CEA-708', lines: [caption('English', 'SERVICE63'), `${VARIANT}"cc"`], ids: ['SERVICE63'] },
    { name: 'no captions', lines: [caption('English', 'CC1'), `${VARIANT}NONE`], ids: [] },
    { name: 'captions that cannot be', lines: [caption('English', 'CC5'), `${VARIANT}"cc"`], ids: null },
    { name: 'captions of another group', lines: [caption('English', 'CC1'), `${VARIANT}"other"`], ids: null },
    { name: 'nothing', lines: ['#EXT-X-STREAM-INF:BANDWIDTH=1000'], ids: null },
  ])('of captions: $name', ({ lines, ids }) => {
    expect(chosen(lines).captions?.map(({ instreamId }) => instreamId) ?? null).toEqual(ids);
  });

  test.each([
    ['6', '6'],
    ['16/JOC', '16/JOC'],
    ['2/-/DOWNMIX', '2/-/DOWNMIX'],
    ['two words', undefined],
    ['', undefined],
  ])('of channels: %s', (told, channels) => {
    const audio = `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",CHANNELS="${told}",URI="a.m3u8"`;
    expect(chosen([audio, `${VARIANT}NONE`]).candidates[0]?.rendition.channels).toBe(channels);
  });
});

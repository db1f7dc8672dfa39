import { expect, test } from '@jest/globals';
import type { SourceClient, SourceRequest } from './client.ts';
import { createFollower } from './follower.ts';
import { parsePlaylist } from './parse.ts';
import { chooseRenditions } from './renditions.ts';

const BASE = 'https://host/live';

const MULTIVARIANT = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO="a"
video.m3u8
`;

const media = (last: number, end = ''): string =>
  [
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:4',
    ...Array.from({ length: last + 1 }, (_, msn) => `#EXTINF:4,\n${msn}.ts`),
    end,
  ].join('\n');

/** A follower of a source whose files are these; a missing one cannot be read. */
function followerOf(files: Map<string, string>) {
  const asked: SourceRequest[] = [];
  const client: SourceClient = {
    read: async (request) => {
      asked.push(request);
      const text = files.get(request.url.slice(BASE.length + 1));
      if (text === undefined) throw new Error('it does not answer');
      const nothing = { contentLength: null, etag: null, lastModified: null, allowOrigin: null };
      return { status: 200, bytes: Buffer.from(text), url: request.url, ...nothing };
    },
    close: async () => {},
  };
  const parsed = parsePlaylist(Buffer.from(MULTIVARIANT), `${BASE}/index.m3u8`);
  if (parsed.kind !== 'multivariant') throw new Error('it is a multivariant playlist');
  const renditions = chooseRenditions(parsed, true).candidates.map(({ rendition }) => rendition);
  const uri = `${BASE}/index.m3u8`;
  const follower = createFollower({ client, uri, headers: { origin: '', values: {} }, origin: '', renditions });
  return { look: () => follower.look(new AbortController().signal), asked };
}

test('a rendition that could not be read keeps the others waiting for a short time only', async () => {
  const files = new Map([
    ['index.m3u8', MULTIVARIANT],
    ['video.m3u8', media(3)],
  ]);
  const { look, asked } = followerOf(files);
  await look();
  await look();
  files.set('audio.m3u8', media(3));
  await look();
  files.set('video.m3u8', media(4));
  await look();
  const waits = asked.filter(({ url }) => url.endsWith('audio.m3u8')).map(({ timeoutMs }) => timeoutMs);
  expect(waits).toEqual([8_000, 2_000, 2_000, 8_000]);
});

test.each([
  { name: 'is taken away', after: undefined },
  { name: 'does not end', after: media(3) },
])('a source ends although the playlist of a rendition $name', async ({ after }) => {
  const files = new Map([
    ['index.m3u8', MULTIVARIANT],
    ['video.m3u8', media(3)],
    ['audio.m3u8', media(3)],
  ]);
  const { look } = followerOf(files);
  await look();
  files.set('video.m3u8', media(4, '#EXT-X-ENDLIST'));
  if (after === undefined) files.delete('audio.m3u8');
  const looks = [];
  for (let count = 0; count < 6; count += 1) looks.push((await look()).playlist);
  expect(looks[0]?.ended).toBe(false);
  const last = looks.findLast((playlist) => playlist !== null);
  expect(last?.ended).toBe(true);
  expect(last?.segments.map(({ msn }) => msn)).toEqual([0, 1, 2, 3, 4]);
});

import assert from 'node:assert/strict';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { playToTheEnd } from './play-to-end.ts';
import { playInBrowsers } from './players.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { FILM_SECONDS, FRAME_RATE, Recordings } from './recordings-source.ts';
import { withSource } from './with-source.ts';

const CHANNELS = [
  { name: 'secret', playlist: 'secret.m3u8', mode: 'Proxy' },
  { name: 'parts', playlist: 'parts.m3u8', mode: 'Direct' },
  { name: 'whole', playlist: 'parts.m3u8', mode: 'Proxy' },
  { name: 'twice', playlist: 'twice.m3u8', mode: 'Proxy' },
  { name: 'secret-direct', playlist: 'secret.m3u8', mode: 'Direct' },
  { name: 'twice-direct', playlist: 'twice.m3u8', mode: 'Direct' },
] as const;

async function plays(source: Recordings, edge: EdgePrograms): Promise<string> {
  const routes = CHANNELS.map(({ name, playlist, mode }) =>
    testRoute(source.url(playlist), {
      name,
      uid: `${name}-0000`,
      mode,
      ladder: [],
      owners: [edge.owner],
      ownerTerm: 1,
    }),
  );
  edge.snapshot(routes);
  const urlOf = (name: string): string => `${edge.url}/live/default/${name}/source.m3u8`;
  await until('the channels are known', 60, async () => (await request(urlOf('secret'))).statusCode === 200);
  const secretUrl = `${edge.url}/live/default/secret/index.m3u8`;
  const [played] = await Promise.all([
    Promise.all(CHANNELS.map(({ name }) => playToTheEnd(urlOf(name)))),
    playInBrowsers(secretUrl, FILM_SECONDS),
  ]);
  for (const [index, { frames }] of played.entries()) {
    const name = CHANNELS[index]?.name;
    // A picture at the break may be one that FFmpeg takes for broken.
    const fewest = FILM_SECONDS * FRAME_RATE - (name?.startsWith('twice') === true ? 1 : 0);
    assert.ok(frames >= fewest && frames <= FILM_SECONDS * FRAME_RATE, `${frames} frames of ${name}`);
  }
  const [secret, parts, whole, twice, secretDirect, twiceDirect] = played.map(({ playlist }) => playlist.entries);
  assert.ok(secret?.every(({ keys, uri }) => keys[0]?.includes(source.url('key')) && uri.startsWith('s/')));
  assert.ok(secretDirect?.every(({ keys }) => keys[0]?.includes(source.url('key'))));
  assert.ok(parts?.every(({ byteRange, uri }) => byteRange !== null && uri === source.url('all.ts')));
  assert.ok(whole?.every(({ byteRange, uri }) => byteRange === null && uri.startsWith('s/')));
  for (const entries of [twice, twiceDirect]) {
    const breaks = entries?.filter(({ discontinuity }) => discontinuity);
    assert.deepEqual(
      breaks?.map(({ markers }) => markers.length),
      [1],
      'one break, with its marker',
    );
  }
  assert.ok([...(secretDirect ?? []), ...(twiceDirect ?? [])].every(({ uri }) => uri.startsWith(source.url(''))));
  return `${played[0]?.frames} frames each in FFmpeg, in Direct and Proxy; AES-128 in hls.js and Shaka Player, too`;
}

/** Recordings with AES-128, with parts of files, and with a break play through the edge, frame by frame, to their end. */
export function recordings(link: LinkFolder): Promise<string> {
  return withSource(link, '127.0.60.4', () => Recordings.start(), plays);
}

import assert from 'node:assert/strict';
import { pollViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { throughAllModes } from './all-modes.ts';
import { ANY_RHYTHM, decode, poll, text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { RenditionsSource, type SourceKind, TWO_PICTURES_TWO_LANGUAGES } from './renditions-source.ts';
import { withSource } from './with-source.ts';

const FILM = '/live/default/film';
/** Of another height than the source's own pictures, by which players are told which one to play. */
const LADDER = [{ name: '72p', height: 72, bitrateBps: 150_000 }];
const RUNGS = ['source', 'source-90p', 'source-audio-1', 'source-audio-2', 'source-subtitles-1', '72p'] as const;

function plays(link: LinkFolder, kind: SourceKind): Promise<string> {
  const start = (): Promise<RenditionsSource> => RenditionsSource.start(kind);
  return withSource(link, '127.0.60.5', start, (source, edge) => playsAt(edge, source, kind));
}

async function playsAt(edge: EdgePrograms, source: RenditionsSource, kind: SourceKind): Promise<string> {
  const route = testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Proxy', ladder: LADDER });
  edge.snapshot([route]);
  const urlOf = (rung: string): string => `${edge.url}${FILM}/${rung}.m3u8`;
  await until('the channel plays', 60, async () => (await request(urlOf('source'))).statusCode === 200);
  const main = await text(`${edge.url}${FILM}/index.m3u8`);
  assert.match(main, /TYPE=AUDIO.*LANGUAGE="en".*source-audio-1.*\n.*TYPE=AUDIO.*LANGUAGE="de".*source-audio-2/);
  assert.match(main, /TYPE=SUBTITLES.*source-subtitles-1/);
  const everything = ['0:v:0', '0:a:0', '0:a:1'];
  const [frames, ...polls] = await Promise.all([
    decode(`${edge.url}${FILM}/index.m3u8`, 5, everything),
    ...RUNGS.map((rung) => poll(urlOf(rung), 6)),
  ]);
  for (const polled of polls) assert.deepEqual(pollViolations(polled, ANY_RHYTHM), []);
  assert.ok(frames >= 120, `${frames} frames in 5 s`);
  const gaps = polls.flatMap((polled) => polled.at(-1)?.playlist.entries.filter(({ gap }) => gap) ?? []);
  assert.deepEqual(gaps, []);
  const media = source.requests.filter((name) => /\d+\.(?:m4s|ts|vtt)$/.test(name));
  assert.ok(media.length - new Set(media).size <= 5, 'each segment leaves the source once, but for the probe');
  if (kind.segments === 'fmp4') {
    const rungs = ['source', '72p', 'source-audio-1'];
    const all = { edge, route, url: `${edge.url}${FILM}`, sourceUrl: source.url, rungs };
    return `${frames} frames with two languages, then\n  ${await throughAllModes(all)}`;
  }
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
  for (const rung of RUNGS) {
    await until(
      `new entries of ${rung} name the source`,
      60,
      async () =>
        parseMediaPlaylist(await text(urlOf(rung)))
          .entries.at(-1)
          ?.uri.startsWith('http:') === true,
    );
  }
  assert.equal(await decode(urlOf('source-90p'), 2), 50, 'the lower picture plays over the change to Direct');
  return `${frames} frames with two languages`;
}

/** CMAF: pictures and audio in fragmented MP4 apart, two languages, subtitles. */
export function cmaf(link: LinkFolder): Promise<string> {
  return plays(link, { segments: 'fmp4', streams: TWO_PICTURES_TWO_LANGUAGES });
}

/** MPEG-TS: pictures and audio apart, two languages, subtitles. */
export function transportStreams(link: LinkFolder): Promise<string> {
  return plays(link, { segments: 'mpegts', streams: TWO_PICTURES_TWO_LANGUAGES });
}

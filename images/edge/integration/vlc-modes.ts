import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { testRoute } from '../src/testing/route.ts';
import { sessionOf, withAgent } from './all-modes.ts';
import { Collector, stretches } from './collector.ts';
import { FRAGMENTED_PLAYLIST, fragmentedFilm } from './fragmented-film.ts';
import { FRAME_RATE, SEGMENT_SECONDS } from './live-film.ts';
import { text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { RenditionsSource, TWO_PICTURES_TWO_LANGUAGES } from './renditions-source.ts';
import { pictureSteps, Vlc } from './vlc.ts';
import { withSource } from './with-source.ts';

/** Segments of each mode that VLC plays, at least. */
const PLAYED = 2;
/** VLC begins as far behind the newest segment as it wants to be only where the playlist has so many. */
const WINDOW_SEGMENTS = 8;

/** Lines of the films' own pictures. */
const SOURCE_LINES = 180;
/** Between two looks at what VLC has shown: each decodes all of it. */
const LOOK_MILLISECONDS = 3_000;
/** Looks until it must have shown everything: a minute and a half. */
const MOST_LOOKS = 30;

/** What VLC is given. */
export interface PlayedInVlc {
  readonly edge: EdgePrograms;
  /** Of a channel that plays, with one rung. */
  readonly route: Route;
  /** Whose playlist it plays: the only rung of the ladder, or the multivariant playlist, for audio in playlists of its own. */
  readonly playlist: 'rung' | 'index';
  /** Names of segments of its picture at the source itself. */
  readonly direct: RegExp;
}

/** Plays a channel's rung in VLC while it goes through all modes and back; fails where VLC loses a picture. */
export async function inVlc(played: PlayedInVlc): Promise<string> {
  const { edge, route } = played;
  const url = urlOf(played, rungOf(played));
  await until('the window is full', 60, async () => {
    return parseMediaPlaylist(await text(url)).entries.length >= WINDOW_SEGMENTS;
  });
  const collector = new Collector(url);
  try {
    const pictures = await withAgent(edge, route.ladder, () => throughModes(played));
    const polls = await collector.stop();
    assert.equal(stretches(collector.entries).length, 1, 'no break and no gap at a change of mode');
    return `${pictures} in VLC, through Direct, Proxy, Transcode, Direct (${polls} polls)`;
  } finally {
    await collector.stop().catch(() => undefined);
  }
}

function rungOf({ route: { ladder } }: PlayedInVlc): string {
  const [rung, ...others] = ladder;
  assert.ok(rung !== undefined && others.length === 0, 'a ladder of one rung');
  return rung.name;
}

function urlOf({ edge, route }: PlayedInVlc, playlist: string): string {
  return `${edge.url}/live/default/${route.name}/${playlist}.m3u8`;
}

async function throughModes(played: PlayedInVlc): Promise<string> {
  const { edge, route, playlist, direct } = played;
  const rung = rungOf(played);
  /** URIs of segments of the film by what delivers them. */
  const delivered: Readonly<Record<Exclude<Mode, 'Idle'>, RegExp>> = {
    Direct: direct,
    Proxy: /\/source\/\d+\.0\.(?:ts|m4s)/,
    Transcode: new RegExp(`/${rung}/\\d+\\.1\\.(?:ts|m4s)`),
  };
  const vlc = await Vlc.play(`${urlOf(played, playlist === 'rung' ? rung : 'index')}?session=vlc`);
  try {
    for (const mode of ['Direct', 'Proxy', 'Transcode', 'Direct'] as const) {
      const seen = (): number => vlc.fetched.filter((uri) => delivered[mode].test(uri)).length;
      const before = seen();
      const session = mode === 'Transcode' ? sessionOf(route.ladder) : null;
      edge.operator.send({ type: 'route', route: { ...route, mode, session } });
      await until(`VLC plays ${PLAYED} segments of ${mode}`, 90, () => {
        assert.ok(!vlc.hasEnded, `VLC has ended: ${vlc.troubles.join('\n')}`);
        return seen() >= before + PLAYED;
      });
    }
    await showsAll(vlc, route);
    return await judge(vlc);
  } catch (error) {
    process.stdout.write(vlc.log.split('\n').slice(-40).join('\n'));
    throw error;
  } finally {
    await vlc.stop();
  }
}

/** Waits until pictures of the source, of the rung and of the source again have come out of VLC, which is behind what it fetches. */
async function showsAll(vlc: Vlc, { ladder }: Route): Promise<void> {
  const wanted = [SOURCE_LINES, ladder[0]?.height ?? 0, SOURCE_LINES];
  for (let shown: readonly number[] = [], tries = 0; String(shown) !== String(wanted); tries += 1) {
    assert.ok(
      !vlc.hasEnded && tries < MOST_LOOKS,
      `VLC shows ${shown} lines, not ${wanted}: ${vlc.troubles.join('\n')}`,
    );
    await sleep(LOOK_MILLISECONDS);
    shown = await vlc.lines();
  }
}

/** Ends VLC. @returns what was seen, in words */
async function judge(vlc: Vlc): Promise<string> {
  const statistics = await vlc.statistics();
  const { troubles, latePictures } = vlc;
  const { pictures, odd } = await pictureSteps(await vlc.stop());
  assert.deepEqual(troubles, [], 'VLC complains of nothing');
  assert.deepEqual([statistics.corrupted, statistics.discontinuities], [0, 0], 'VLC demuxes everything');
  const steps = `every picture follows the one before, but for ${JSON.stringify(odd)}`;
  assert.ok(odd.length <= vlc.shiftedPictures, steps);
  assert.ok(pictures >= 4 * PLAYED * FRAME_RATE * SEGMENT_SECONDS, `${pictures} pictures`);
  return `${pictures} pictures, none lost, ${latePictures} shown late`;
}

/** The rung of both kinds: of other lines than the source, and of a higher bitrate, by which VLC is told to choose it. */
const LADDER = [{ name: '120p', height: 120, bitrateBps: 2_000_000 }];

function directRoute(edge: EdgePrograms, uri: string): Route {
  return testRoute(uri, { owners: [edge.owner], ownerTerm: 1, mode: 'Direct', ladder: LADDER });
}

async function plays(played: PlayedInVlc): Promise<string> {
  played.edge.snapshot([played.route]);
  return inVlc(played);
}

/** Fragmented MP4 in VLC through all modes: pictures and sound in one file, and two languages apart. */
export async function fragmentedInVlc(link: LinkFolder): Promise<string> {
  const muxed = withSource(
    link,
    '127.0.60.12',
    () => fragmentedFilm('127.0.60.8', ['-c:v', 'libx264', '-c:a', 'aac']),
    (source, edge) => {
      const route = directRoute(edge, source.url(FRAGMENTED_PLAYLIST));
      return plays({ edge, route, playlist: 'rung', direct: /:\d+\/\d+\.m4s/ });
    },
  );
  const apart = withSource(
    link,
    '127.0.60.13',
    () => RenditionsSource.start({ segments: 'fmp4', streams: TWO_PICTURES_TWO_LANGUAGES }),
    (source, edge) =>
      plays({ edge, route: directRoute(edge, source.url), playlist: 'index', direct: /\/high\/\d+\.m4s/ }),
  );
  // Each to its own end, also where the other one fails: programs of it would stay behind.
  await Promise.allSettled([muxed, apart]);
  return `${await muxed}; audio apart: ${await apart}`;
}

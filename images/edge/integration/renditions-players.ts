import { launchChromium, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { testRoute } from '../src/testing/route.ts';
import { sessionOf, withAgent } from './all-modes.ts';
import { text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { RenditionsSource, type SourceKind, TWO_PICTURES_TWO_LANGUAGES } from './renditions-source.ts';
import { type Choice, PATIENCE_SECONDS, PLAYERS, Watcher } from './renditions-watcher.ts';
import { withSource } from './with-source.ts';

const FILM = '/live/default/film';
const LADDER = [{ name: '120p', height: 120, bitrateBps: 150_000 }];

/** Of three target durations players are behind the newest segment (HOLD-BACK), and one segment more. */
const LISTED_FOR_PLAYERS = 4;

/** Audio and subtitles that count from elsewhere, as packagers do that were started one after the other. */
const MSN_OFFSETS = { 'en/index.m3u8': 1_000, 'de/index.m3u8': 2_000, 'subs.m3u8': 500 };

/** One language, whose segments begin and end a third of a second behind those of the pictures. */
const LATER_CUTS = { en: 2 };

/** Takes the channel through all modes; in each the watchers choose another picture and another language. */
async function changeInAllModes(
  edge: EdgePrograms,
  source: RenditionsSource,
  watchers: readonly Watcher[],
): Promise<void> {
  const route = testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Direct', ladder: LADDER });
  const session = sessionOf(LADDER);
  const all = (each: (watcher: Watcher) => Promise<unknown>): Promise<unknown> => Promise.all(watchers.map(each));
  const newest = async (rung: string): Promise<string> =>
    parseMediaPlaylist(await text(`${edge.url}${FILM}/${rung}.m3u8`)).entries.at(-1)?.uri ?? '';
  const turn = async (change: Partial<typeof route>, rung: string, uri: RegExp): Promise<void> => {
    edge.operator.send({ type: 'route', route: { ...route, ...change } });
    await until(`${rung} is listed from ${uri}`, PATIENCE_SECONDS, async () => uri.test(await newest(rung)));
  };
  // The rung's pictures have been played, and those behind them.
  const show = (choice: Choice): Promise<unknown> =>
    all(async (one) => {
      await one.choose(choice);
      await one.showsChosen();
    });
  await all(async (one) => {
    await one.begin();
    await one.showSubtitles();
    await one.choose({ lines: 90, language: 'de' });
  });
  await turn({ mode: 'Proxy' }, 'source', /^s\/.*\/source\//);
  await all((one) => one.choose({ lines: 180, language: 'en' }));
  await withAgent(edge, LADDER, async () => {
    await turn({ mode: 'Transcode', session }, '120p', /\/120p\/\d+\.1\.(?:ts|m4s)$/);
    await show({ lines: 120, language: 'de' });
    await turn({ mode: 'Proxy', session }, '120p', /\/source\//);
    await show({ lines: 90, language: 'en' });
  });
  await turn({ mode: 'Direct' }, 'source', /^http:/);
  await all(async (one) => {
    await one.choose({ lines: 180, language: 'de' });
    await one.readSubtitles();
  });
}

async function playsAt(edge: EdgePrograms, source: RenditionsSource): Promise<string> {
  edge.snapshot([testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Direct', ladder: LADDER })]);
  await until('players can begin', PATIENCE_SECONDS, async () => {
    return parseMediaPlaylist(await text(`${edge.url}${FILM}/source.m3u8`)).entries.length >= LISTED_FOR_PLAYERS;
  });
  const [browser, pages] = [await launchChromium({}), await servePlayerPages()];
  try {
    const urlOf = (session: string): string => `${edge.url}${FILM}/index.m3u8?session=${session}`;
    const watchers = await Promise.all(
      PLAYERS.map((player) => Watcher.open(browser, pages.url, player, urlOf(player), source.url)),
    );
    await changeInAllModes(edge, source, watchers);
    return `${(await Promise.all(watchers.map((one) => one.judge()))).join(', ')}, no hole`;
  } finally {
    await browser.close();
    pages.close();
  }
}

function plays(link: LinkFolder, kind: SourceKind): Promise<string> {
  return withSource(
    link,
    '127.0.60.6',
    () => RenditionsSource.start(kind),
    (source, edge) => playsAt(edge, source),
  );
}

/**
 * hls.js and Shaka Player in one Chromium watch a source of two pictures, two languages and subtitles in MPEG-TS, whose
 * numbers differ, through Direct, Proxy, Transcode and back, and change picture and language in each.
 */
export function playersOfRenditions(link: LinkFolder): Promise<string> {
  const kind = { segments: 'mpegts', streams: TWO_PICTURES_TWO_LANGUAGES } as const;
  return plays(link, { ...kind, msnOffsets: MSN_OFFSETS, laterCuts: LATER_CUTS });
}

/** The same in CMAF: fragmented MP4 with an initialization section for each rendition. */
export function playersOfCmaf(link: LinkFolder): Promise<string> {
  return plays(link, { segments: 'fmp4', streams: TWO_PICTURES_TWO_LANGUAGES, msnOffsets: MSN_OFFSETS });
}

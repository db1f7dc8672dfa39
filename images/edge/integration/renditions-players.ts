import assert from 'node:assert/strict';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { type PlaybackSample, reportOf } from '@sluice/test/browser/playback-report.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { testRoute } from '../src/testing/route.ts';
import { agentFor, sessionOf } from './all-modes.ts';
import { text } from './playing.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';
import { RenditionsSource, TWO_PICTURES_TWO_LANGUAGES } from './renditions-source.ts';

const FILM = '/live/default/film';
const LADDER = [{ name: '120p', height: 120, bitrateBps: 150_000 }];
const FRAME_RATE = 25;
/** Longest wait for anything that a player or an encoder does on a busy machine, in seconds. */
const PATIENCE_SECONDS = 90;
/** Film that each choice is watched for, in seconds: more than one segment. */
const WATCH_SECONDS = 3;

/** What viewers choose: a picture by its lines, and a language. */
interface Choice {
  readonly lines: 180 | 120 | 90;
  readonly language: 'en' | 'de';
}

/** Where segments of a rendition come from, of the edge or of the source itself. */
const SEGMENTS = {
  180: /\/(?:s\/[^/]+\/source|high)\/\d+[\d.]*ts$/,
  120: /\/s\/[^/]+\/120p\/\d+\.1\.ts$/,
  90: /\/(?:source-90p|low)\/\d+[\d.]*ts$/,
  en: /\/(?:source-audio-1|en)\/\d+[\d.]*ts$/,
  de: /\/(?:source-audio-2|de)\/\d+[\d.]*ts$/,
} as const;

/** How each player is told to choose; they stand in pages with a `player`. */
const CHOOSE = {
  hls: ({ lines, language }: Choice): string => `
    player.nextLevel = player.levels.findIndex((level) => level.height === ${lines});
    player.audioTrack = player.audioTracks.findIndex((track) => track.lang === '${language}');`,
  shaka: ({ lines, language }: Choice): string => `
    player.configure({ abr: { enabled: false } });
    player.selectVariantTrack(player.getVariantTracks().find(
      (track) => track.height === ${lines} && track.language === '${language}'), false);`,
} as const;

const SHOW_SUBTITLES = {
  hls: 'player.subtitleTrack = 0; player.subtitleDisplay = true;',
  shaka: 'player.selectTextTrack(player.getTextTracks()[0]);',
} as const;

/** Whether a player knows two languages, three pictures and subtitles. */
const KNOWS_ALL = {
  hls: 'player.levels.length === 3 && player.audioTracks.length === 2 && player.subtitleTracks.length === 1',
  shaka: 'player.getVariantTracks().length === 6 && player.getTextTracks().length === 1',
} as const;

type Player = keyof typeof CHOOSE;
type Page = Awaited<ReturnType<typeof openProbedPage>>;

/**
 * Film that must not be skipped, nor shown again, in seconds: half a segment. On a busy machine decoders drop pictures, also
 * some that they do not count; a wrong segment or none leaps by a segment.
 */
const LEAP_SECONDS = 1;

/** Where the film was not shown in its order. */
function leapsOf({ frames }: PlaybackSample): readonly string[] {
  return frames.flatMap((frame, index) => {
    const before = frames[index - 1];
    if (before === undefined) return [];
    const step = frame.mediaTime - before.mediaTime;
    const accounted = (frame.presented - before.presented - 1 + frame.dropped - before.dropped) / FRAME_RATE;
    return step < 0 || step - accounted > LEAP_SECONDS
      ? [`${step.toFixed(3)} s at ${frame.mediaTime.toFixed(2)} s`]
      : [];
  });
}

/** One player that watches the channel. */
class Watcher {
  readonly player: Player;
  readonly page: Page;
  readonly #asked: string[] = [];

  constructor(player: Player, page: Page) {
    this.player = player;
    this.page = page;
    page.on('request', (request) => this.#asked.push(new URL(request.url()).pathname));
  }

  async until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
    await until(`${this.player}: ${what}`, PATIENCE_SECONDS, isTrue);
  }

  async hasPlayed(seconds: number): Promise<void> {
    const from = await this.#time();
    await this.until(`${seconds} s more are played`, async () => (await this.#time()) >= from + seconds);
  }

  /** Chooses, and waits until segments of the chosen renditions are fetched and played. */
  async choose(choice: Choice): Promise<void> {
    this.#asked.length = 0;
    await this.page.evaluate(CHOOSE[this.player](choice));
    for (const name of [choice.lines, choice.language] as const) {
      await this.until(`segments of ${name}`, () => this.#asked.some((path) => SEGMENTS[name].test(path)));
    }
    await this.hasPlayed(WATCH_SECONDS);
  }

  /** Turns the subtitles on, and waits for words at the time of the picture. */
  async readSubtitles(): Promise<void> {
    await this.page.evaluate(`{ ${SHOW_SUBTITLES[this.player]} }`);
    const words = `[...document.querySelector('video').textTracks].some((track) => track.mode !== 'disabled' &&
      [...(track.cues ?? [])].some((cue) => Math.abs(cue.startTime - document.querySelector('video').currentTime) < 6))`;
    await this.until('subtitles', () => this.page.evaluate<boolean>(words));
  }

  /** Fails where anything but one unbroken stretch of film was shown. @returns what was seen, in words */
  async judge(): Promise<string> {
    const ranges = async (): Promise<number> => (await readSample(this.page)).buffered.length;
    await this.until('one stretch of film', async () => (await ranges()) === 1);
    const sample = await readSample(this.page);
    assert.deepEqual([sample.problems, leapsOf(sample)], [[], []], this.player);
    const { jumps, playedSeconds } = reportOf(sample, FRAME_RATE);
    return `${this.player} ${playedSeconds.toFixed(0)} s, ${jumps.length} jumps below ${LEAP_SECONDS} s`;
  }

  #time(): Promise<number> {
    return this.page.evaluate<number>("document.querySelector('video').currentTime");
  }
}

/** Audio and subtitles that count from elsewhere, as packagers do that were started one after the other. */
const MSN_OFFSETS = { 'en/index.m3u8': 1_000, 'de/index.m3u8': 2_000, 'subs.m3u8': 500 };

/** One language, whose segments begin and end a third of a second behind those of the pictures. */
const LATER_CUTS = { en: 2 };

/**
 * hls.js and Shaka Player in one Chromium watch a source of two pictures, two languages and subtitles, whose numbers differ,
 * through Direct, Proxy, Transcode and back, and change picture and language in each.
 */
export async function playersOfRenditions(link: LinkFolder): Promise<string> {
  const kind = { segments: 'mpegts', streams: TWO_PICTURES_TWO_LANGUAGES } as const;
  const source = await RenditionsSource.start({ ...kind, msnOffsets: MSN_OFFSETS, laterCuts: LATER_CUTS });
  const edge = await EdgePrograms.start('127.0.60.6', await freePorts(), link);
  const session = sessionOf(LADDER);
  let agent: Awaited<ReturnType<typeof agentFor>> | null = null;
  const browser = await launchChromium({});
  const pages = await servePlayerPages();
  try {
    const route = testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Direct', ladder: LADDER });
    edge.snapshot([route]);
    await text(`${edge.url}${FILM}/source.m3u8`);
    const newest = async (rung: string): Promise<string> =>
      parseMediaPlaylist(await text(`${edge.url}${FILM}/${rung}.m3u8`)).entries.at(-1)?.uri ?? '';
    const watchers = await Promise.all(
      (['hls', 'shaka'] as const).map(async (player) => {
        const stream = encodeURIComponent(`${edge.url}${FILM}/index.m3u8?session=${player}`);
        const page = await openProbedPage(browser, `${pages.url}/${player}.html?url=${stream}`, { viewport: VIEWPORT });
        return new Watcher(player, page);
      }),
    );
    const all = (each: (watcher: Watcher) => Promise<unknown>): Promise<unknown> => Promise.all(watchers.map(each));
    const turn = async (change: Partial<typeof route>, rung: string, uri: RegExp): Promise<void> => {
      edge.operator.send({ type: 'route', route: { ...route, ...change } });
      await until(`${rung} is listed from ${uri}`, PATIENCE_SECONDS, async () => uri.test(await newest(rung)));
    };
    await all(async (one) => {
      await one.until('all renditions', () =>
        one.page.evaluate<boolean>(`'player' in window && ${KNOWS_ALL[one.player]}`),
      );
      await one.hasPlayed(WATCH_SECONDS);
      await one.readSubtitles();
      await one.choose({ lines: 90, language: 'de' });
    });
    await turn({ mode: 'Proxy' }, 'source', /^s\/.*\/source\//);
    await all((one) => one.choose({ lines: 180, language: 'en' }));
    agent = await agentFor(edge, LADDER);
    await turn({ mode: 'Transcode', session }, '120p', /\/120p\/\d+\.1\.ts$/);
    await all((one) => one.choose({ lines: 120, language: 'de' }));
    await turn({ mode: 'Proxy', session }, '120p', /\/source\//);
    await all((one) => one.choose({ lines: 90, language: 'en' }));
    await turn({ mode: 'Direct' }, 'source', /^http:/);
    await all((one) => one.choose({ lines: 180, language: 'de' }));
    const played = await Promise.all(watchers.map((one) => one.judge()));
    return `${played.join(', ')}, no hole`;
  } catch (error) {
    process.stdout.write(`${edge.log}\n${agent?.log ?? ''}\n`);
    throw error;
  } finally {
    await browser.close();
    pages.close();
    agent?.signal('SIGTERM');
    await agent?.exited;
    await edge.stop();
    await source.stop();
  }
}

/** Frames are counted, not looked at. */
const VIEWPORT = { width: 480, height: 360 };

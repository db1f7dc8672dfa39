import assert from 'node:assert/strict';
import { openProbedPage, readSample } from '@sluice/test/browser/chromium.ts';
import { faultsOf, holesBeside, type PlaybackReport, reportOf } from '@sluice/test/browser/playback-report.ts';
import { until } from './programs.ts';

/** Frames per second of the film. */
const FRAME_RATE = 25;
/** Longest wait for anything that a player or an encoder does on a busy machine, in seconds. */
export const PATIENCE_SECONDS = 90;
/** Film after which a player has got over a choice whose segments it has asked for, in seconds. */
const REFILL_SECONDS = 1;
/** Film that each choice is watched for from then on, in seconds: more than one segment. */
const WATCH_SECONDS = 3;
/** Frames are counted, not looked at. */
const VIEWPORT = { width: 320, height: 180 };
/** How often a page is asked: each time costs its browser a millisecond or two. */
const LOOK_MILLISECONDS = 100;

/** What viewers choose: a picture by its lines, and a language. */
export interface Choice {
  readonly lines: 180 | 120 | 90;
  readonly language: 'en' | 'de';
}

/** Where segments of a rendition come from, of the edge or of the source itself. */
const SEGMENTS = {
  180: /\/(?:s\/[^/]+\/source|high)\/\d+[\d.]*(?:ts|m4s)$/,
  120: /\/s\/[^/]+\/120p\/\d+\.1\.(?:ts|m4s)$/,
  90: /\/(?:source-90p|low)\/\d+[\d.]*(?:ts|m4s)$/,
  en: /\/(?:source-audio-1|en)\/\d+[\d.]*(?:ts|m4s)$/,
  de: /\/(?:source-audio-2|de)\/\d+[\d.]*(?:ts|m4s)$/,
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

/** Whether words are shown with the picture of this moment. */
const SHOWS_WORDS = `[...document.querySelector('video').textTracks].some(
  (track) => track.mode !== 'disabled' && track.activeCues?.length > 0)`;

/** Players of the pages that play by one alone. */
export const PLAYERS = ['hls', 'shaka'] as const;
/** One of {@link PLAYERS}. */
export type Player = (typeof PLAYERS)[number];
type Page = Awaited<ReturnType<typeof openProbedPage>>;
type Refills = Parameters<typeof reportOf>[2];

/** One player that watches a channel, and another one of its kind that plays the source itself, and changes nothing. */
export class Watcher {
  readonly player: Player;
  readonly #page: Page;
  readonly #reference: Page;
  readonly #asked: string[] = [];
  #chosen = 0;
  /** When choices were made and done, by the page's clock: hls.js empties its buffer for another language. */
  readonly #refills: [from: number, to: number][] = [];

  private constructor(player: Player, page: Page, reference: Page) {
    this.player = player;
    this.#page = page;
    this.#reference = reference;
    page.on('request', (request) => this.#asked.push(new URL(request.url()).pathname));
  }

  /** @param pagesUrl of the pages of players @param url of the channel's multivariant playlist */
  static async open(
    browser: Parameters<typeof openProbedPage>[0],
    pagesUrl: string,
    player: Player,
    url: string,
    sourceUrl: string,
  ): Promise<Watcher> {
    const open = (streamUrl: string): Promise<Page> => {
      const pageUrl = `${pagesUrl}/${player}.html?url=${encodeURIComponent(streamUrl)}`;
      return openProbedPage(browser, pageUrl, { viewport: VIEWPORT });
    };
    const reference = await open(sourceUrl);
    return new Watcher(player, await open(url), reference);
  }

  /** Waits until it knows all renditions and has played for a while. */
  async begin(): Promise<void> {
    const known = `'player' in window && ${KNOWS_ALL[this.player]}`;
    await this.#until('all renditions', () => this.#page.evaluate<boolean>(known));
    await this.#hasPlayed(WATCH_SECONDS);
  }

  /** Chooses, and waits until segments of the chosen renditions are fetched and film is played. */
  async choose(choice: Choice): Promise<void> {
    this.#asked.length = 0;
    this.#chosen = choice.lines;
    const from = await this.#now();
    await this.#page.evaluate(CHOOSE[this.player](choice));
    for (const name of [choice.lines, choice.language] as const) {
      await this.#until(`segments of ${name}`, () => this.#asked.some((path) => SEGMENTS[name].test(path)));
    }
    await this.#hasPlayed(REFILL_SECONDS);
    this.#refills.push([from, await this.#now()]);
    await this.#hasPlayed(WATCH_SECONDS);
  }

  /** Waits until the chosen picture is on the screen: what a player has in its buffer by then another choice may empty. */
  async showsChosen(): Promise<void> {
    const isShown = `document.querySelector('video').videoHeight === ${this.#chosen}`;
    await this.#until(`${this.#chosen} lines`, () => this.#page.evaluate<boolean>(isShown));
  }

  /** Turns the subtitles on, and waits for words. */
  async showSubtitles(): Promise<void> {
    await this.#page.evaluate(`{ ${SHOW_SUBTITLES[this.player]} }`);
    await this.readSubtitles();
  }

  /** Waits until words are shown. */
  async readSubtitles(): Promise<void> {
    await this.#until('subtitles', () => this.#page.evaluate<boolean>(SHOWS_WORDS));
  }

  /**
   * Waits until the last choice is on the screen. Fails where anything was shown but one unbroken stretch of film, as far as
   * this player shows the source itself so on this machine at the same time.
   * @returns what was seen, in words
   */
  async judge(): Promise<string> {
    await this.showsChosen();
    const source = (): Promise<PlaybackReport> => this.#report(this.#reference);
    const film = (): Promise<PlaybackReport> => this.#report(this.#page, this.#refills);
    const isWhole = async (): Promise<boolean> => holesBeside(await film(), await source()).length === 0;
    // A hole that stays is told below, with whatever else was seen.
    await this.#until('one stretch of film', isWhole).catch(() => undefined);
    const [reference, report] = [await source(), await film()];
    assert.deepEqual(faultsOf(report, reference), [], this.player);
    return `${this.player} ${report.presented} of ${report.expected} frames`;
  }

  async #report(page: Page, refills: Refills = []): Promise<PlaybackReport> {
    return reportOf(await readSample(page), FRAME_RATE, refills);
  }

  async #until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
    await until(`${this.player}: ${what}`, PATIENCE_SECONDS, isTrue, LOOK_MILLISECONDS);
  }

  async #hasPlayed(seconds: number): Promise<void> {
    const from = await this.#time();
    await this.#until(`${seconds} s more are played`, async () => (await this.#time()) >= from + seconds);
  }

  #now(): Promise<number> {
    return this.#page.evaluate<number>('performance.now()');
  }

  #time(): Promise<number> {
    return this.#page.evaluate<number>("document.querySelector('video').currentTime");
  }
}

import assert from 'node:assert/strict';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { captionOf } from '@sluice/transcoder/integration/captions.ts';
import { until } from './programs.ts';

const PLAYERS = ['hls', 'shaka'] as const;
const VIEWPORT = { width: 320, height: 240 };
/** Longest wait for a film of half a minute, on a busy machine. */
const PATIENCE_SECONDS = 90;
/** Speed of a film that is only looked through. */
const FAST = 4;
/** Of the films' captions. */
const CAPTIONS_LANGUAGE = 'en';
/** Longest film of a test in seconds. */
const MOST_SECONDS = 60;

type Page = Awaited<ReturnType<typeof openProbedPage>>;

/** Keeps the words of captions in `captionsSeen`. */
const KEEP_CAPTIONS = `{
  window.captionsSeen = new Set();
  setInterval(() => {
    for (const track of document.querySelector('video').textTracks) {
      if (track.mode === 'disabled') track.mode = 'hidden';
      for (const cue of track.cues ?? []) captionsSeen.add(cue.text);
    }
  }, 200);
}`;

const hasEnded = (page: Page): Promise<boolean> => page.evaluate<boolean>("document.querySelector('video').ended");

/** A film that has ended. */
export interface Film {
  /** In messages. */
  readonly name: string;
  /** URL of its multivariant playlist. */
  readonly url: string;
  /** Of the rendition that is watched, in pixels. */
  readonly height: number;
  readonly seconds: number;
}

/** hls.js and Shaka Player in one Chromium. */
export class Screens {
  readonly #browser: Awaited<ReturnType<typeof launchChromium>>;
  readonly #pages: Awaited<ReturnType<typeof servePlayerPages>>;

  private constructor(
    browser: Awaited<ReturnType<typeof launchChromium>>,
    pages: Awaited<ReturnType<typeof servePlayerPages>>,
  ) {
    this.#browser = browser;
    this.#pages = pages;
  }

  static async start(): Promise<Screens> {
    return new Screens(await launchChromium({}), await servePlayerPages());
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#pages.close();
  }

  /**
   * Plays a film that has ended from its beginning to its end in both players, faster than it is. Fails where one reports an
   * error, or has a hole in the film.
   * @returns by player the seconds of the film whose caption ({@link captionOf}) was shown
   */
  async lookThrough(film: Film): Promise<Readonly<Record<(typeof PLAYERS)[number], readonly number[]>>> {
    const [hls, shaka] = await Promise.all(PLAYERS.map((player) => this.#look(player, film)));
    return { hls: hls ?? [], shaka: shaka ?? [] };
  }

  async #look(player: string, { name, url, height, seconds }: Film): Promise<readonly number[]> {
    const page = await this.#open(player, url, height);
    // Whatever the player loads from now on begins with the default.
    await page.evaluate(`{ const video = document.querySelector('video');
      video.defaultPlaybackRate = ${FAST}; video.playbackRate = ${FAST}; }`);
    await until(`${player} has looked through ${name}`, PATIENCE_SECONDS, () => hasEnded(page));
    const { problems, buffered } = await readSample(page);
    assert.deepEqual(problems, [], `${player}, ${name}`);
    const words = await page.evaluate<string>("[...captionsSeen].join('\\n')");
    await page.close();
    assert.equal(buffered.length, 1, `${player} has one stretch of ${name}: ${JSON.stringify(buffered)}`);
    const [start, end] = buffered[0] ?? [0, 0];
    assert.ok(end - start > seconds - 0.5, `${player} has all of ${name}: ${JSON.stringify(buffered)}`);
    return Array.from({ length: MOST_SECONDS }, (_, second) => second).filter((second) =>
      words.includes(captionOf(second)),
    );
  }

  async #open(player: string, streamUrl: string, height: number): Promise<Page> {
    const query = `url=${encodeURIComponent(streamUrl)}&height=${height}&text=${CAPTIONS_LANGUAGE}`;
    const page = await openProbedPage(this.#browser, `${this.#pages.url}/${player}.html?${query}`, {
      viewport: VIEWPORT,
    });
    await page.evaluate(KEEP_CAPTIONS);
    return page;
  }
}

import assert from 'node:assert/strict';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { accountLine, faultsOf, reportOf } from '@sluice/test/browser/playback-report.ts';
import { captionOf } from '@sluice/transcoder/integration/captions.ts';
import { until } from './programs.ts';

const PLAYERS = ['hls', 'shaka'] as const;
const VIEWPORT = { width: 320, height: 240 };
/** Longest wait for a film of half a minute, on a busy machine. */
const PATIENCE_SECONDS = 90;
/** Speed of a film that is only looked through. */
const FAST = 8;

type Page = Awaited<ReturnType<typeof openProbedPage>>;

/** Turns captions on as soon as the player knows of them, and keeps their words in `captionsSeen`. */
const KEEP_CAPTIONS = `{
  window.captionsSeen = new Set();
  setInterval(() => {
    const [captions] = window.player?.getTextTracks?.() ?? [];
    if (captions !== undefined && !captions.active) player.selectTextTrack(captions);
    for (const track of document.querySelector('video').textTracks) {
      if (track.mode === 'disabled') track.mode = 'hidden';
      for (const cue of track.cues ?? []) captionsSeen.add(cue.text);
    }
  }, 200);
}`;

const hasEnded = (page: Page): Promise<boolean> => page.evaluate<boolean>("document.querySelector('video').ended");

/** A film that ends, as screens show it. */
export interface Film {
  /** In messages. */
  readonly name: string;
  /** URL of its multivariant playlist. */
  readonly url: string;
  /** Of the rendition that is watched, in pixels. */
  readonly height: number;
  /** The same film as it is at its source, which tells how much this machine can show. */
  readonly sourceUrl: string;
  readonly seconds: number;
  /** Pictures per second. */
  readonly frameRate: number;
}

/** What one player has shown. */
export interface Shown {
  readonly player: string;
  /**
   * Errors, holes in its film, an end that is not the film's, and pictures less than hls.js showed of the source at the same
   * time; in sentences.
   */
  readonly faults: readonly string[];
  /** Figures, in words. */
  readonly line: string;
  /** Seconds of the film whose caption ({@link captionOf}) was shown. */
  readonly captions: readonly number[];
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

  /** Plays a film to its end in both players, from where they begin. */
  async play(film: Film): Promise<readonly Shown[]> {
    const reference = await this.#open('hls', film.sourceUrl);
    const pages = await Promise.all(PLAYERS.map((player) => this.#open(player, film.url, film.height)));
    for (const page of [reference, ...pages]) {
      await until(`${film.name} is played to its end`, PATIENCE_SECONDS, () => hasEnded(page));
    }
    const plain = reportOf(await readSample(reference), film.frameRate);
    const shown = await Promise.all(
      pages.map(async (page, index): Promise<Shown> => {
        const [player, sample] = [PLAYERS[index] ?? '', await readSample(page)];
        const report = reportOf(sample, film.frameRate);
        const hasAll = sample.currentTime > film.seconds - 0.5;
        const faults = [...faultsOf(report, plain), ...(hasAll ? [] : [`it ends at ${sample.currentTime} s`])];
        const words = await page.evaluate<string>("[...captionsSeen].join('\\n')");
        const seconds = Array.from({ length: film.seconds }, (_, second) => second);
        const captions = seconds.filter((second) => words.includes(captionOf(second)));
        return { player, faults, line: accountLine(`${player}, ${film.name}`, report), captions };
      }),
    );
    await Promise.all([reference, ...pages].map((page) => page.close()));
    return shown;
  }

  /** Plays a film that has ended in hls.js, faster than it is. Fails where that reports an error. */
  async lookThrough({ name, url, height }: Pick<Film, 'name' | 'url' | 'height'>): Promise<void> {
    const page = await this.#open('hls', url, height);
    // Whatever the player loads from now on begins with the default.
    await page.evaluate(`{ const video = document.querySelector('video');
      video.defaultPlaybackRate = ${FAST}; video.playbackRate = ${FAST}; }`);
    await until(`${name} is looked through`, PATIENCE_SECONDS, () => hasEnded(page));
    assert.deepEqual((await readSample(page)).problems, []);
    await page.close();
  }

  async #open(player: string, streamUrl: string, height = 0): Promise<Page> {
    const query = `url=${encodeURIComponent(streamUrl)}${height === 0 ? '' : `&height=${height}`}`;
    const page = await openProbedPage(this.#browser, `${this.#pages.url}/${player}.html?${query}`, {
      viewport: VIEWPORT,
    });
    await page.evaluate(KEEP_CAPTIONS);
    return page;
  }
}

import assert from 'node:assert/strict';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { until } from './programs.ts';

/** Players of the pages that play by one alone. */
const PLAYERS = ['hls', 'shaka'] as const;

/** How a stream is played. */
export interface Playing {
  /** Both if left out. */
  readonly players?: readonly (typeof PLAYERS)[number][];
  /** Where hls.js gets ClearKey's licence; Shaka Player reads keys of the format "identity" itself. */
  readonly licenceUrl?: string;
}

/**
 * Plays a stream that ends in hls.js and Shaka Player, in one Chromium, from where each of them begins to its end. Fails where
 * one reports an error, or shows anything but one unbroken stretch of film.
 * @param lastSeconds where the film ends, on the player's own clock
 */
export async function playInBrowsers(
  streamUrl: string,
  lastSeconds: number,
  { players = PLAYERS, licenceUrl }: Playing = {},
): Promise<void> {
  const browser = await launchChromium({});
  const pages = await servePlayerPages();
  try {
    await Promise.all(
      players.map(async (player) => {
        const query = new URLSearchParams({
          url: streamUrl,
          ...(licenceUrl === undefined ? {} : { licence: licenceUrl }),
        });
        const url = `${pages.url}/${player}.html?${query}`;
        const page = await openProbedPage(browser, url);
        const hasEnded = (): Promise<boolean> => page.evaluate<boolean>("document.querySelector('video').ended");
        await until(`${player} has played to the end`, 90, hasEnded);
        const { problems, buffered, currentTime, frames } = await readSample(page);
        assert.deepEqual(problems, [], player);
        assert.equal(buffered.length, 1, `${player} has one stretch of film: ${JSON.stringify(buffered)}`);
        assert.ok(currentTime > lastSeconds - 0.5, `${player} ends at ${currentTime} s`);
        assert.ok(frames.length > 0, `${player} shows pictures`);
      }),
    );
  } finally {
    await browser.close();
    pages.close();
  }
}

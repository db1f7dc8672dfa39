import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { waitForMode, waitForProbe } from '../e2e/channel-state.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import type { Platform } from '../e2e/platform/platform.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { launchChromium, openProbedPage, type PlayerPages, readSample, servePlayerPages } from './chromium.ts';
import {
  accountLine,
  accountOf,
  faultsOf,
  keepsUp,
  type PlaybackReport,
  type PlaybackSample,
  reportOf,
} from './playback-report.ts';

const CHANNEL = 'film';
const FRAME_RATE = 25;
/** Frames are counted, not looked at: two suites side by side play two films each. */
const VIEWPORT = { width: 480, height: 360 };
/** The audience beside the page, and the mode that follows. */
const STEPS = [
  { others: 0, mode: 'Direct' },
  { others: 1, mode: 'Proxy' },
  { others: 4, mode: 'Transcode' },
  { others: 1, mode: 'Proxy' },
  { others: 0, mode: 'Direct' },
] as const;

/** A channel of its own and a browser, for one player that watches it through all modes. */
export interface PlaybackStage {
  /** The page that plays the source itself by hls.js or Shaka Player, without Sluice. */
  referenceUrl(player: 'hls' | 'shaka'): string;
  /** The page that plays a stream by Shaka Player. @param height pins the rendition with that many lines */
  shakaUrl(streamUrl: string, height: number): string;
  /** Path of the channel: `<namespace>/<name>`. */
  readonly channel: string;
  /**
   * Plays a page while the audience takes its channel through all modes, and the reference at the same time; expects
   * that every frame of the film was decoded, and no stall.
   * @param name of screenshots and of the table of figures
   */
  expectEveryFrame(name: string, url: string, referenceUrl: string): Promise<Page>;
  close(): Promise<void>;
}

/** Makes the channel and starts the browser. @param namespace for this player alone */
export async function openStage(platform: Platform, namespace: string): Promise<PlaybackStage> {
  const source = `${platform.source.url}/${namespace}/film/index.m3u8`;
  const ladder = [{ name: '360p', height: 360, bitrateBps: 700_000 }];
  const { hysteresisSeconds, preset } = platform.pace;
  const delivery = { hysteresisSeconds };
  await platform.apply(namespaceManifest(namespace));
  await platform.apply(
    channelManifest({ namespace, name: CHANNEL, uri: source, spec: { delivery, transcode: { ladder, preset } } }),
  );
  await waitForProbe(platform, namespace, CHANNEL);
  return new RunningStage(
    platform,
    namespace,
    source,
    await launchChromium(platform.addresses),
    await servePlayerPages(),
  );
}

class RunningStage implements PlaybackStage {
  readonly #platform: Platform;
  readonly #namespace: string;
  readonly #source: string;
  readonly #browser: Browser;
  readonly #pages: PlayerPages;
  readonly #others: Viewer[] = [];

  constructor(platform: Platform, namespace: string, source: string, browser: Browser, pages: PlayerPages) {
    this.#platform = platform;
    this.#namespace = namespace;
    this.#source = source;
    this.#browser = browser;
    this.#pages = pages;
  }

  get channel(): string {
    return `${this.#namespace}/${CHANNEL}`;
  }

  referenceUrl(player: 'hls' | 'shaka'): string {
    return `${this.#pages.url}/${player}.html?url=${encodeURIComponent(this.#source)}`;
  }

  shakaUrl(streamUrl: string, height: number): string {
    return `${this.#pages.url}/shaka.html?height=${height}&url=${encodeURIComponent(streamUrl)}`;
  }

  async expectEveryFrame(name: string, url: string, referenceUrl: string): Promise<Page> {
    const reference = await openProbedPage(this.#browser, referenceUrl, { viewport: VIEWPORT });
    const page = await openProbedPage(this.#browser, url, { viewport: VIEWPORT });
    const ends = await this.#watchThroughAllModes(page, name);
    const sample = await readSample(page);
    const [report, plain] = [reportOf(sample, FRAME_RATE), reportOf(await readSample(reference), FRAME_RATE)];
    await reference.close();
    const table = tableOf(sample, ends, report, plain);
    const note = keepsUp(plain)
      ? ''
      : 'this machine does not keep up with the film even without a switch: its frames are not judged\n';
    const late = report.machineStalls.map((stall) => `the machine was late: ${stall}\n`).join('');
    process.stdout.write(`\n${name} through all modes (${this.#platform.name})\n${table}\n${late}${note}`);
    await writeFile(join(this.#platform.artifactFolder, `${name}-frames.txt`), `${table}\n`);
    expect(report.playedSeconds).toBeGreaterThan(STEPS.length * this.#platform.pace.watchSeconds * 0.75);
    expect(faultsOf(report, plain)).toEqual([]);
    return page;
  }

  async close(): Promise<void> {
    await this.#setOthers(0);
    await this.#browser.close();
    this.#pages.close();
    await this.#platform.delete('Namespace', '', this.#namespace);
  }

  /** @returns of how many frames the page had heard at the end of each step */
  async #watchThroughAllModes(page: Page, name: string): Promise<number[]> {
    const { artifactFolder, pace } = this.#platform;
    const ends: number[] = [];
    for (const [index, step] of STEPS.entries()) {
      await this.#setOthers(step.others);
      await waitForMode(this.#platform, this.#namespace, CHANNEL, step.mode, 150);
      await page.waitForTimeout(pace.watchSeconds * 1000);
      ends.push((await readSample(page)).frames.length);
      await page.screenshot({ path: join(artifactFolder, `${name}-${index}-${step.mode.toLowerCase()}.png`) });
    }
    return ends;
  }

  async #setOthers(count: number): Promise<void> {
    const { edgeUrl, addresses } = this.#platform;
    while (this.#others.length < count) {
      const session = `${this.#namespace}-${this.#others.length}-${Date.now()}`;
      const viewer = startViewer({ edgeUrl, namespace: this.#namespace, channel: CHANNEL, session, addresses });
      this.#others.push(viewer);
      await viewer.started;
    }
    await Promise.all(this.#others.splice(count).map((viewer) => viewer.stop()));
  }
}

/** A line for each mode, one for the whole and one for the reference. */
function tableOf(
  sample: PlaybackSample,
  ends: readonly number[],
  whole: PlaybackReport,
  reference: PlaybackReport,
): string {
  const parts = ends.flatMap((end, index) => {
    const [from, to] = [index === 0 ? 0 : (ends[index - 1] ?? 0) - 1, end - 1];
    const [first, last] = [sample.frames[from], sample.frames[to]];
    if (first === undefined || last === undefined) return [];
    return [accountLine(`to the end of ${STEPS[index]?.mode}`, accountOf(first, last, to - from, FRAME_RATE))];
  });
  return [...parts, accountLine('in all', whole), accountLine('reference, no switch', reference)].join('\n');
}

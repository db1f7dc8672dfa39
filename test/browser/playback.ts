import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
/** Frames are counted, not looked at. */
const VIEWPORT = { width: 480, height: 360 };
/** Two pages watch all the time: with both of them alone the channel is in Direct. */
const THRESHOLDS = { proxy: 3, transcode: 5 };
/** The audience beside the two pages, and the mode that follows. */
const STEPS = [
  { others: 0, mode: 'Direct' },
  { others: 1, mode: 'Proxy' },
  { others: 3, mode: 'Transcode' },
  { others: 1, mode: 'Proxy' },
  { others: 0, mode: 'Direct' },
] as const;

/** Who plays the channel: the viewer page with its hls.js, and a page with Shaka Player alone. */
export type PlayerName = 'page' | 'shaka';

/** How one player fared. */
export interface Playback {
  /** The page, which still plays. */
  readonly page: Page;
  readonly report: PlaybackReport;
  /** What was wrong, in sentences; empty if nothing. */
  readonly faults: readonly string[];
}

/** Two players that have watched one channel through all modes. */
export interface PlaybackStage {
  readonly playbacks: Readonly<Record<PlayerName, Playback>>;
  close(): Promise<void>;
}

/** Seconds of film that a player has shown at least once all modes have been watched. */
export function leastSeconds(platform: Platform): number {
  return STEPS.length * platform.pace.watchSeconds * 0.75;
}

/**
 * Makes a channel, and plays it in a browser by two players while its audience takes it through all modes; at the same
 * time a third page plays the source itself, without Sluice: what this machine can do.
 * @param namespace for this channel alone
 */
export async function playThroughAllModes(platform: Platform, namespace: string): Promise<PlaybackStage> {
  const uri = `${platform.source.url}/${namespace}/film/index.m3u8`;
  const ladder = [{ name: '360p', height: 360, bitrateBps: 700_000 }];
  const { hysteresisSeconds, preset } = platform.pace;
  const spec = { delivery: { hysteresisSeconds, thresholds: THRESHOLDS }, transcode: { ladder, preset } };
  await platform.apply(namespaceManifest(namespace));
  await platform.apply(channelManifest({ namespace, name: CHANNEL, uri, spec }));
  const [browser, pages] = await Promise.all([
    launchChromium(platform.addresses),
    servePlayerPages(),
    waitForProbe(platform, namespace, CHANNEL),
  ]);
  const stage = new Stage(platform, namespace, browser, pages);
  try {
    return { playbacks: await stage.play(uri), close: () => stage.close() };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

class Stage {
  readonly #platform: Platform;
  readonly #namespace: string;
  readonly #browser: Browser;
  readonly #pages: PlayerPages;
  readonly #others: Viewer[] = [];

  constructor(platform: Platform, namespace: string, browser: Browser, pages: PlayerPages) {
    this.#platform = platform;
    this.#namespace = namespace;
    this.#browser = browser;
    this.#pages = pages;
  }

  /** Plays the channel by both players, and its source beside them. */
  async play(source: string): Promise<Readonly<Record<PlayerName, Playback>>> {
    const { edgeUrl } = this.#platform;
    const stream = `${edgeUrl}/live/${this.#namespace}/${CHANNEL}/index.m3u8?session=shaka-${Date.now()}`;
    const [reference, page, shaka] = await Promise.all([
      this.#open(`${this.#pages.url}/hls.html?url=${encodeURIComponent(source)}`),
      this.#open(`${edgeUrl}/watch/${this.#namespace}/${CHANNEL}`),
      // A rung of the ladder, pinned.
      this.#open(`${this.#pages.url}/shaka.html?height=360&url=${encodeURIComponent(stream)}`),
    ]);
    const ends = await this.#watchThroughAllModes({ page, shaka });
    const samples = { page: await readSample(page), shaka: await readSample(shaka) };
    const plain = reportOf(await readSample(reference), FRAME_RATE);
    await reference.close();
    return {
      page: await this.#judge('page', page, samples.page, ends.page, plain),
      shaka: await this.#judge('shaka', shaka, samples.shaka, ends.shaka, plain),
    };
  }

  async close(): Promise<void> {
    await this.#setOthers(0);
    await this.#browser.close();
    this.#pages.close();
    await this.#platform.delete('Namespace', '', this.#namespace);
  }

  #open(url: string): Promise<Page> {
    return openProbedPage(this.#browser, url, { viewport: VIEWPORT });
  }

  /** @returns of how many frames each page had heard at the end of each step */
  async #watchThroughAllModes(pages: Readonly<Record<PlayerName, Page>>): Promise<Record<PlayerName, number[]>> {
    const { artifactFolder, pace } = this.#platform;
    const ends: Record<PlayerName, number[]> = { page: [], shaka: [] };
    for (const [index, step] of STEPS.entries()) {
      await this.#setOthers(step.others);
      await waitForMode(this.#platform, this.#namespace, CHANNEL, step.mode, 150);
      await pages.page.waitForTimeout(pace.watchSeconds * 1000);
      for (const name of ['page', 'shaka'] as const) {
        ends[name].push((await readSample(pages[name])).frames.length);
        const picture = `${name}-${index}-${step.mode.toLowerCase()}.png`;
        await pages[name].screenshot({ path: join(artifactFolder, picture) });
      }
    }
    return ends;
  }

  /** Judges what a player has shown by what the plain film did at the same time, and tells both as a table. */
  async #judge(
    name: PlayerName,
    page: Page,
    sample: PlaybackSample,
    ends: readonly number[],
    plain: PlaybackReport,
  ): Promise<Playback> {
    const report = reportOf(sample, FRAME_RATE);
    const table = tableOf(sample, ends, report, plain);
    const note = keepsUp(plain)
      ? ''
      : 'this machine does not keep up with the film even without a switch: its frames are not judged\n';
    const late = report.machineStalls.map((stall) => `the machine was late: ${stall}\n`).join('');
    process.stdout.write(`\n${name} through all modes (${this.#platform.name})\n${table}\n${late}${note}`);
    await writeFile(join(this.#platform.artifactFolder, `${name}-frames.txt`), `${table}\n`);
    return { page, report, faults: faultsOf(report, plain) };
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
